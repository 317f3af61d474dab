//! etcd's own authentication and TLS.

use crate::support::{candidate, elected, event, txn, Certs, Etcd};
use meseta_api::term::RegistryId;
use meseta_node::election::{Candidacy, Election, ElectionEvent, EtcdElection, LostReason};
use meseta_node::store::address::ClusterName;
use meseta_node::store::etcd::{Credentials, Endpoints, EtcdConfig};
use meseta_node::store::{EtcdStore, Store};
use std::time::Duration;

const PASSWORD: &str = "secret";

async fn enable_auth(etcd: &Etcd) {
    let mut root = etcd_client::Client::connect([etcd.address().to_string()], None).await.unwrap();
    root.user_add("root", PASSWORD, None).await.unwrap();
    root.role_add("root").await.unwrap();
    root.user_grant_role("root", "root").await.unwrap();
    root.auth_enable().await.unwrap();
}

fn as_root(etcd: &Etcd, password: &str) -> Endpoints {
    let ttl = Duration::from_secs(10);
    let mut config = EtcdConfig::new(vec![etcd.address()], ClusterName::default(), ttl);
    config.user = Some(Credentials { user: "root".to_owned(), password: password.to_owned() });
    Endpoints::new(config)
}

fn campaign(endpoints: Endpoints) -> Candidacy {
    Box::new(EtcdElection::new(endpoints, candidate("m1"), RegistryId::from_bits(7))).start()
}

/// ET-06: a restarted member has forgotten every token; new ones are fetched without a fuss.
#[tokio::test]
async fn tokens_are_refreshed() {
    let mut etcd = Etcd::start().await;
    enable_auth(&etcd).await;
    let endpoints = as_root(&etcd, PASSWORD);
    let mut candidacy = campaign(endpoints.clone());
    let term = elected(&mut candidacy).await;
    let store = EtcdStore::new(endpoints, candidacy.gate.clone());
    store.load().await.unwrap();
    store.commit(txn(&term, 1)).await.unwrap();
    etcd.kill();
    etcd.restart().await;
    store.commit(txn(&term, 2)).await.unwrap();
    assert_eq!(store.load().await.unwrap().commit.sequence, 2);
    assert!(candidacy.gate.is_open());
}

/// ET-08: every certificate is replaced while etcd restarts; the leader stays and writes on.
#[tokio::test]
async fn rotated_certificates_are_picked_up() {
    let certs = Certs::new();
    let mut etcd = Etcd::start_tls(&certs).await;
    let ttl = Duration::from_secs(10);
    let mut config = EtcdConfig::new(vec![etcd.address()], ClusterName::default(), ttl);
    config.tls = Some(certs.client_files());
    let endpoints = Endpoints::new(config);
    let mut candidacy = campaign(endpoints.clone());
    let term = elected(&mut candidacy).await;
    let store = EtcdStore::new(endpoints, candidacy.gate.clone());
    store.load().await.unwrap();
    store.commit(txn(&term, 1)).await.unwrap();

    etcd.kill();
    certs.rotate();
    etcd.restart().await;
    store.commit(txn(&term, 2)).await.unwrap();
    assert_eq!(store.load().await.unwrap().commit.sequence, 2);
    assert!(candidacy.gate.is_open());
}

#[tokio::test]
async fn a_wrong_password_ends_the_candidacy_with_its_reason() {
    let etcd = Etcd::start().await;
    enable_auth(&etcd).await;
    let endpoints = as_root(&etcd, "wrong");
    assert!(!format!("{:?}", endpoints.config()).contains("wrong"), "passwords are not printed");
    let mut candidacy = campaign(endpoints);
    let reason = event(&mut candidacy, "lost", |event| match event {
        ElectionEvent::Lost { reason } => Some(reason),
        _ => None,
    })
    .await;
    let LostReason::RegistryUnusable(why) = reason else { panic!("{reason}") };
    assert!(why.contains("authentication failed"), "{why}");
}
