//! What a master is started with.

use crate::allocator::AllocatorConfig;
use crate::core::Config;
use crate::limits::RequestLimits;
use meseta_api::v1;
use meseta_node::election::Candidacy;
use meseta_node::http::auth::Guards;
use meseta_node::store::Store;
use std::sync::Arc;

/// A master and what it depends on.
pub struct MasterConfig {
    /// Its name for people; also where agents and schedulers are told that it is.
    pub hostname: String,
    /// The fault domain that it is in.
    pub domain: Option<v1::DomainInfo>,
    /// Decisions' settings.
    pub core: Config,
    /// The allocator's settings.
    pub allocator: AllocatorConfig,
    /// Its candidacy: already started, since the store shares its gate.
    pub candidacy: Candidacy,
    /// Where the registry is.
    pub store: Arc<dyn Store>,
    /// Who is let in over HTTP.
    pub guards: Guards,
    /// How many requests each of them may make.
    pub limits: RequestLimits,
}

pub use meseta_node::API_VERSION;

/// Meseta's own version.
pub const MESETA_VERSION: &str = env!("CARGO_PKG_VERSION");
