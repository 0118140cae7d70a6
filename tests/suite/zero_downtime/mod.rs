//! Writes of Kaspr resources never fail during planned operations: two replicas behind a Service, a stream of writes
//! through a real API server, and every planned operation.

pub(crate) mod calls;
mod site;

use std::process::Command;

use calls::{Calls, Count};
use site::{Site, authorities};

use crate::{
    harness::eventually_quiet,
    probe::{is_ready, look},
};

/// Attempts to observe a failure during a restart without a drain, which can succeed by chance.
const ATTEMPTS: usize = 5;

/// Runs an operation during the calls, waits for more calls, and returns their number.
fn during(calls: &Calls, what: &str, happens: impl FnOnce()) -> Count {
    let before = calls.count();
    happens();
    calls.more();
    let count = calls.count() - before;
    println!("{what}: {count}");
    count
}

fn nothing_lost(calls: &Calls, what: &str, happens: impl FnOnce()) {
    let count = during(calls, what, happens);
    assert_eq!(count.failed, 0, "{what}: {:#?}", calls.failures());
}

fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().expect("kill");
    assert!(sent.success());
}

#[test]
fn planned_operations_lose_no_admission_calls() {
    let site = Site::start();
    let (first, second) = (site.replica("first"), site.replica("second"));
    site.admits();
    let calls = Calls::start(&site.plane);
    nothing_lost(&calls, "nothing happens", || calls.more());
    nothing_lost(&calls, "a new certificate", || a_new_certificate(&site));
    nothing_lost(&calls, "a new CA", || a_new_authority(&site));
    nothing_lost(&calls, "a Secret that is lost", || a_lost_secret(&site));

    // One after the other, each only when its successor is ready.
    nothing_lost(&calls, "a rolling restart", || {
        for old in [first, second] {
            let name = format!("after-{}", old.name);
            site.add_replica(site.replica(&name));
            site.stop(old);
        }
    });
    nothing_lost(&calls, "the leader stops", || the_leader_stops(&site));

    // Without the drain, calls are lost.
    assert!((0..ATTEMPTS).any(|i| stops_without_a_drain(&site, &calls, i).failed > 0));
    nothing_lost(&calls, "after that", || calls.more());

    // A killed replica loses the requests in progress, and no later ones.
    during(&calls, "a replica is killed", || {
        let killed = site.busiest(|| calls.more());
        signal(killed.operator.pid(), "-9");
        site.unready(&killed);
    });
    nothing_lost(&calls, "afterwards", || calls.more());
    assert!(calls.count().made > 100, "{}", calls.count());
}

/// A replica that has all connections stops immediately, while two other replicas are ready.
fn stops_without_a_drain(site: &Site, calls: &Calls, i: usize) -> Count {
    let hasty = site.replica_that_drains(&format!("hasty-{i}"), 0);
    nothing_lost(calls, "all others stop", || {
        site.remove_all_replicas().into_iter().for_each(|old| site.stop(old))
    });
    for name in ["one", "another"] {
        site.add_replica(site.replica(&format!("{name}-{i}")));
    }
    let count = during(calls, "a replica without a drain stops", || {
        signal(hasty.operator.pid(), "-TERM");
        site.unready(&hasty);
    });
    site.stop(hasty);
    count
}

fn a_new_certificate(site: &Site) {
    let before = site.secret();
    eventually_quiet("a new certificate", || {
        let now = site.secret();
        if now["tls.crt"] == before["tls.crt"] { Err(before["tls.crt"].to_string()) } else { Ok(()) }
    });
    site.all_show_the_secret();
}

fn a_new_authority(site: &Site) {
    let newest = |secret: &serde_json::Value| authorities(secret).into_iter().next();
    let before = site.secret();
    let announced = eventually_quiet("a new CA", || {
        let now = site.secret();
        if newest(&now) == newest(&before) { Err("the same".to_owned()) } else { Ok(now) }
    });
    // Both are trusted, and the one that signs is still the old one.
    assert!(authorities(&announced).contains(&newest(&before).expect("a CA")));
    eventually_quiet("a certificate of the new CA", || {
        let signed = site.signed_by(&newest(&announced).expect("a CA"));
        if signed { Ok(()) } else { Err("it is another one's".to_owned()) }
    });
    site.all_show_the_secret();
}

/// Deletes the Secret: the operator issues a new CA, and the old CA stays trusted.
fn a_lost_secret(site: &Site) {
    let before = site.secret();
    site.kubectl(&["-n", site::NAMESPACE, "delete", "secret", site::SECRET]);
    eventually_quiet("a new Secret", || {
        let now = site.secret();
        let new = now["ca.key"].is_string() && now["ca.key"] != before["ca.key"];
        if new { Ok(()) } else { Err("the Secret is missing".to_owned()) }
    });
    let kept = authorities(&site.secret());
    assert!(authorities(&before).iter().any(|authority| kept.contains(authority)));
    site.all_show_the_secret();
}

/// Another replica reconciles while the first replica still serves requests during its drain period.
fn the_leader_stops(site: &Site) {
    let leader = eventually_quiet("a leader", || {
        let holder = site.holder();
        site.remove_replica(&holder).ok_or(format!("it is {holder:?}"))
    });
    let successor = site.replica("successor");
    signal(leader.operator.pid(), "-TERM");
    eventually_quiet("an answer that it stops", || {
        let answer = look(leader.port, "/readyz").map_err(|error| error.to_string())?.answer;
        if answer.ends_with("stopping") { Ok(()) } else { Err(answer) }
    });
    eventually_quiet("a Lease that is free or taken", || {
        let holder = site.holder();
        if holder == leader.name { Err(holder) } else { Ok(()) }
    });
    let healthy = look(leader.port, "/healthz").expect("an answer during the drain").answer;
    assert!(healthy.starts_with("HTTP/1.1 200 ") && !is_ready(leader.port), "{healthy}");
    // No connection is left that a request could meet the end of.
    assert!(healthy.contains("connection: close"), "{healthy}");
    site.add_replica(successor);
    // A second signal, which stop() sends, would end the drain: kubelet sends one.
    eventually_quiet("the end of the drain", || match look(leader.port, "/healthz") {
        Ok(_) => Err("the replica still serves".to_owned()),
        Err(_) => Ok(()),
    });
    site.stop(leader);
    eventually_quiet("another leader", || {
        let holder = site.holder();
        if holder.is_empty() { Err(holder) } else { Ok(()) }
    });
}
