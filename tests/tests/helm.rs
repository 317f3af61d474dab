//! The Helm chart renders, for each of its ci values, to objects that hold what they must.
//!
//! Fed by: `helm/meseta`, and the pinned helm of `make deps`.
//! Read next: `helm/meseta/README.md` for why the objects are as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::{json, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace root").to_owned()
}

fn chart() -> PathBuf {
    root().join("helm/meseta")
}

/// Runs helm with the chart's folder and a values file.
///
/// # Panics
/// If there is no helm: it is a tool of this workspace, never skipped.
fn helm(verb: &[&str], values: &str, more: &[&str]) -> Output {
    let helm = root().join(".tools/bin/helm");
    assert!(helm.exists(), "no helm at {}: run `make deps`", helm.display());
    let values = chart().join("ci").join(values);
    let mut command = Command::new(helm);
    command.args(verb).arg(chart()).arg("--values").arg(values).args(more);
    command.output().expect("helm runs")
}

/// The rendered objects of a values file.
fn render(values: &str, more: &[&str]) -> Vec<Value> {
    let output = helm(&["template", "rel", "--namespace", "ns"], values, more);
    assert!(output.status.success(), "{values}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("YAML is UTF-8");
    serde_norway::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).expect("YAML"))
        .filter(|object| !object.is_null())
        .collect()
}

/// What helm says when it must refuse to render.
fn refusal(more: &[&str]) -> String {
    let output = helm(&["template", "rel"], "default-values.yaml", more);
    assert!(!output.status.success(), "{more:?} was accepted");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn values_files() -> Vec<String> {
    let entries = fs::read_dir(chart().join("ci")).expect("ci values");
    let mut names: Vec<String> =
        entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert!(names.len() >= 3, "ci values of the chart are gone: {names:?}");
    names
}

fn find<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut of_kind = objects.iter().filter(|o| o["kind"] == kind);
    let found = of_kind.next().unwrap_or_else(|| panic!("no {kind} was rendered"));
    assert!(of_kind.next().is_none(), "more than one {kind}");
    found
}

fn has(objects: &[Value], kind: &str) -> bool {
    objects.iter().any(|o| o["kind"] == kind)
}

/// The workloads that were rendered: masters, and agents where they are enabled.
fn workloads(objects: &[Value]) -> Vec<&Value> {
    let is_workload = |o: &&Value| o["kind"] == "StatefulSet" || o["kind"] == "DaemonSet";
    objects.iter().filter(is_workload).collect()
}

fn pod(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]
}

fn container(workload: &Value) -> &Value {
    &pod(workload)["containers"][0]
}

/// The value of a flag `--name=value` among the arguments.
fn flag(workload: &Value, name: &str) -> String {
    let args = container(workload)["args"].as_array().expect("args");
    let start = format!("--{name}=");
    let value = args.iter().filter_map(|a| a.as_str()).find_map(|a| a.strip_prefix(&start));
    value.unwrap_or_else(|| panic!("no flag --{name} in {args:?}")).to_owned()
}

/// Asserts that every pair of `selector` is a label of `labels`.
fn selects(selector: &Value, labels: &Value) {
    for (key, value) in selector.as_object().expect("a selector") {
        assert_eq!(&labels[key], value, "label {key}");
    }
}

#[test]
fn the_chart_lints_with_each_of_its_values() {
    for values in values_files() {
        let output = helm(&["lint", "--strict"], &values, &[]);
        assert!(output.status.success(), "{values}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn every_object_has_a_name_and_the_recommended_labels() {
    for values in values_files() {
        for object in render(&values, &[]) {
            let (kind, meta) = (&object["kind"], &object["metadata"]);
            assert!(kind.is_string() && object["apiVersion"].is_string(), "{object}");
            assert!(meta["name"].as_str().is_some_and(|n| n.starts_with("rel")), "{kind}: {meta}");
            for label in ["name", "instance", "version", "managed-by", "part-of"] {
                let label = format!("app.kubernetes.io/{label}");
                assert!(meta["labels"][&label].is_string(), "{values}: {kind} lacks {label}");
            }
        }
    }
}

#[test]
fn selectors_match_their_pods_and_never_change_on_upgrade() {
    for values in values_files() {
        let objects = render(&values, &[]);
        for workload in workloads(&objects) {
            let selector = &workload["spec"]["selector"]["matchLabels"];
            let keys: Vec<&String> = selector.as_object().expect("a selector").keys().collect();
            let immutable = ["component", "instance", "name"];
            assert_eq!(keys, immutable.map(|k| format!("app.kubernetes.io/{k}")).each_ref());
            selects(selector, &workload["spec"]["template"]["metadata"]["labels"]);
        }
        let masters = &find(&objects, "StatefulSet")["spec"]["template"]["metadata"]["labels"];
        for service in objects.iter().filter(|o| o["kind"] == "Service") {
            selects(&service["spec"]["selector"], masters);
        }
        for budget in objects.iter().filter(|o| o["kind"] == "PodDisruptionBudget") {
            selects(&budget["spec"]["selector"]["matchLabels"], masters);
        }
    }
}

#[test]
fn every_daemon_is_probed_on_health_at_its_named_port() {
    for values in values_files() {
        for workload in workloads(&render(&values, &[])) {
            let container = container(workload);
            let port = &container["ports"][0];
            assert_eq!(port["name"], "http");
            assert_eq!(flag(workload, "port"), port["containerPort"].to_string());
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                let mut expected = json!({"path": "/health", "port": "http"});
                if speaks_tls(workload) {
                    expected["scheme"] = json!("HTTPS");
                }
                assert_eq!(container[probe]["httpGet"], expected, "{values}: {probe}");
            }
        }
    }
}

#[test]
fn masters_run_without_rights_and_find_each_other_by_stable_names() {
    let objects = render("default-values.yaml", &[]);
    let masters = find(&objects, "StatefulSet");
    assert_eq!(masters["spec"]["podManagementPolicy"], "Parallel");
    assert_eq!(pod(masters)["securityContext"]["runAsNonRoot"], true);
    let expected = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]}});
    assert_eq!(container(masters)["securityContext"], expected);
    let name = &masters["spec"]["serviceName"];
    let headless =
        objects.iter().find(|o| o["kind"] == "Service" && o["metadata"]["name"] == *name);
    let spec = &headless.expect("the headless service of the StatefulSet")["spec"];
    assert_eq!(
        (&spec["clusterIP"], &spec["publishNotReadyAddresses"]),
        (&json!("None"), &json!(true))
    );
    assert_eq!(flag(masters, "store"), "etcd://etcd-0.etcd:2379,etcd-1.etcd:2379,etcd-2.etcd:2379");
    assert_eq!(flag(masters, "election-ttl"), "10s");
    let named = flag(masters, "hostname");
    assert_eq!(named, "$(POD_NAME).rel-meseta-master-headless.ns.svc.cluster.local");
    let agents = flag(find(&objects, "DaemonSet"), "master");
    let expected: Vec<String> = (0..3)
        .map(|i| named.replace("$(POD_NAME)", &format!("rel-meseta-master-{i}")) + ":5050")
        .collect();
    assert_eq!(agents, expected.join(","));
}

#[test]
fn an_agent_sees_of_its_node_what_tasks_that_outlive_it_need() {
    for values in ["default-values.yaml", "production-values.yaml"] {
        let objects = render(values, &[]);
        let agent = find(&objects, "DaemonSet");
        assert_eq!(
            (&pod(agent)["hostPID"], &pod(agent)["hostNetwork"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(container(agent)["securityContext"]["privileged"], true);
        let mounts = container(agent)["volumeMounts"].as_array().expect("mounts");
        let volumes = pod(agent)["volumes"].as_array().expect("volumes");
        for name in ["work-dir", "runtime-dir", "cgroup"] {
            let mount = mounts.iter().find(|m| m["name"] == name).expect("a mount");
            let volume = volumes.iter().find(|v| v["name"] == name).expect("a volume");
            assert_eq!(mount["mountPath"], volume["hostPath"]["path"], "{values}: {name}");
            let propagation = (name == "work-dir").then_some("Bidirectional");
            assert_eq!(mount["mountPropagation"].as_str(), propagation, "{values}: {name}");
        }
        let path = |name: &str| {
            let mount = mounts.iter().find(|m| m["name"] == name).expect("a mount");
            mount["mountPath"].as_str().expect("a path").to_owned()
        };
        assert_eq!(flag(agent, "work-dir"), path("work-dir"));
        assert_eq!(flag(agent, "runtime-dir"), path("runtime-dir"));
        assert!(flag(agent, "resources").starts_with("cpus:"));
    }
}

#[test]
fn no_pod_holds_a_token_or_an_environment_of_services() {
    for values in values_files() {
        for workload in workloads(&render(&values, &[])) {
            assert_eq!(pod(workload)["automountServiceAccountToken"], false, "{values}");
            assert_eq!(pod(workload)["enableServiceLinks"], false, "{values}");
        }
    }
}

#[test]
fn secrets_are_files_generated_once_or_yours() {
    let objects = render("default-values.yaml", &[]);
    let secret = find(&objects, "Secret");
    assert_eq!(secret["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    let again = render("default-values.yaml", &[]);
    assert_ne!(find(&again, "Secret")["data"], secret["data"], "the secret is no secret");
    for key in ["credentials.json", "agent-credential.json", "http-credentials.json"] {
        assert!(secret["data"][key].is_string(), "{key}");
    }
    let yours = render("production-values.yaml", &[]);
    assert!(!has(&yours, "Secret"));
    for (objects, name) in [(&objects, "rel-meseta-credentials"), (&yours, "meseta-west")] {
        for workload in workloads(objects) {
            let volumes = pod(workload)["volumes"].as_array().expect("volumes");
            let volume = volumes.iter().find(|v| v["name"] == "credentials").expect("a volume");
            assert_eq!(volume["secret"]["secretName"], name);
            // A component sees only its own key, and whom it lets in over HTTP.
            let items = volume["secret"]["items"].as_array().expect("items");
            let own = match workload["kind"].as_str() {
                Some("StatefulSet") => ("MESETA_CREDENTIALS", "credentials.json"),
                _ => ("MESETA_CREDENTIAL", "agent-credential.json"),
            };
            let http = ("MESETA_HTTP_CREDENTIALS", "http-credentials.json");
            let keys: Vec<&str> = items.iter().filter_map(|item| item["key"].as_str()).collect();
            assert_eq!(keys, [own.1, http.1]);
            let env = container(workload)["env"].as_array().expect("env");
            for (name, key) in [own, http] {
                let path = json!(format!("/etc/meseta/credentials/{key}"));
                assert!(env.iter().any(|e| e["name"] == name && e["value"] == path), "{name}");
            }
        }
    }
}

#[test]
fn traces_are_exported_only_where_an_endpoint_is_given() {
    let variables = |workload: &Value| -> Vec<(String, String)> {
        let env = container(workload)["env"].as_array().expect("env").clone();
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let pairs = env.iter().map(|e| (text(&e["name"]), text(&e["value"])));
        pairs.filter(|(name, _)| name.starts_with("OTEL_")).collect()
    };
    for workload in workloads(&render("default-values.yaml", &[])) {
        assert_eq!(variables(workload), []);
    }
    let objects = render("production-values.yaml", &[]);
    for (kind, service) in [("StatefulSet", "meseta-master"), ("DaemonSet", "meseta-agent")] {
        let found = variables(find(&objects, kind));
        let value = |name: &str| found.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(value("OTEL_SERVICE_NAME"), Some(service));
        let endpoint = value("OTEL_EXPORTER_OTLP_ENDPOINT");
        assert_eq!(endpoint, Some("http://jaeger-collector.tracing:4317"));
        assert_eq!(value("OTEL_TRACES_SAMPLER_ARG"), Some("0.05"));
    }
}

fn speaks_tls(workload: &Value) -> bool {
    let args = container(workload)["args"].as_array().expect("args");
    args.iter().any(|arg| arg.as_str().is_some_and(|arg| arg.starts_with("--tls-")))
}

#[test]
fn a_component_has_its_own_certificate_or_none_has_one() {
    for workload in workloads(&render("default-values.yaml", &[])) {
        assert!(!speaks_tls(workload));
        let volumes = pod(workload)["volumes"].as_array().expect("volumes");
        assert!(volumes.iter().all(|volume| volume["name"] != "tls"));
    }
    let objects = render("production-values.yaml", &[]);
    for (kind, secret) in
        [("StatefulSet", "meseta-west-master-tls"), ("DaemonSet", "meseta-west-agent-tls")]
    {
        let workload = find(&objects, kind);
        let volumes = pod(workload)["volumes"].as_array().expect("volumes");
        let volume = volumes.iter().find(|v| v["name"] == "tls").expect("a volume");
        assert_eq!(volume["secret"]["secretName"], secret);
        let mounts = container(workload)["volumeMounts"].as_array().expect("mounts");
        let mount = mounts.iter().find(|m| m["name"] == "tls").expect("a mount");
        // A file mounted alone (subPath) would not be renewed.
        assert_eq!(mount["subPath"], Value::Null);
        let dir = mount["mountPath"].as_str().expect("a path");
        for (name, file) in [("tls-cert", "tls.crt"), ("tls-key", "tls.key"), ("tls-ca", "ca.crt")]
        {
            assert_eq!(flag(workload, name), format!("{dir}/{file}"));
        }
        assert_eq!(flag(workload, "tls-client-auth"), "required");
    }
    assert_eq!(flag(find(&objects, "DaemonSet"), "tls-server-name"), "rel-meseta-master.ns.svc");
}

#[test]
fn parts_can_be_left_out() {
    let objects = render("masters-only-values.yaml", &[]);
    for kind in ["DaemonSet", "PodDisruptionBudget", "ServiceAccount"] {
        assert!(!has(&objects, kind), "{kind}");
    }
    assert_eq!(pod(find(&objects, "StatefulSet"))["serviceAccountName"], "existing");
    assert_eq!(
        find(&render("default-values.yaml", &[]), "PodDisruptionBudget")["spec"]["maxUnavailable"],
        1
    );
}

#[test]
fn bad_values_are_refused_with_a_reason() {
    let cases = [
        ("etcd.endpoints=null", "etcd.endpoints is empty"),
        ("etcd.endpoints[0]=http://etcd:2379", "etcd.endpoints.0: Does not match pattern"),
        ("master.electionTtl=1", "master.electionTtl: Must be greater than or equal to 2"),
        ("master.electionTtl=61", "master.electionTtl: Must be less than or equal to 60"),
        ("master.replicas=0", "master.replicas: Must be greater than or equal to 1"),
        ("master.replica=3", "Additional property replica is not allowed"),
        ("agent.workDir=work", "agent.workDir: Does not match pattern"),
        ("otel.endpoint=jaeger:4317", "otel.endpoint: Does not match pattern"),
        ("otel.extra.FOO=bar", "otel.extra"),
        ("tls.masterSecret=x", "tls.masterSecret and tls.agentSecret go together"),
        ("tls.agentSecret=x", "tls.masterSecret and tls.agentSecret go together"),
        ("tls.clientAuth=required", "tls.clientAuth needs tls.masterSecret"),
        ("tls.clientAuth=yes-please", "tls.clientAuth"),
    ];
    for (value, needle) in cases {
        let said = refusal(&["--set", value]);
        assert!(said.contains(needle), "{value}: {said}");
    }
}

#[test]
fn every_value_is_explained_in_the_readme() {
    let text = fs::read_to_string(chart().join("values.yaml")).expect("values.yaml");
    let values: Value = serde_norway::from_str(&text).expect("YAML");
    let readme = fs::read_to_string(chart().join("README.md")).expect("README.md");
    let mut missing = Vec::new();
    for (group, value) in values.as_object().expect("a map") {
        match value.as_object().filter(|map| !map.is_empty()) {
            None => {
                missing.extend((!readme.contains(&format!("`{group}`"))).then(|| group.clone()))
            }
            Some(map) => {
                let explained = |key: &str| {
                    let own = format!("`{group}.{key}");
                    let shared = ["master", "agent"].contains(&group.as_str())
                        && readme.contains(&format!("`*.{key}`"));
                    readme.contains(&format!("{own}`"))
                        || readme.contains(&format!("{own}."))
                        || shared
                };
                let keys = map.keys().filter(|key| !explained(key));
                missing.extend(keys.map(|key| format!("{group}.{key}")));
            }
        }
    }
    assert!(missing.is_empty(), "helm/meseta/README.md does not explain {missing:?}");
}
