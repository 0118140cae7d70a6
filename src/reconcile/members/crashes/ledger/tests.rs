use super::*;

const AGENT: &str = "enrich";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn crash(member: i32, exception: &str, since: i64) -> AgentCrash {
    AgentCrash {
        agent: AGENT.to_owned(),
        member,
        pod_uid: format!("uid-{member}"),
        exception: exception.to_owned(),
        since: at(since),
    }
}

fn compare(ledger: &mut Ledger, hash: &str, second: i64) {
    ledger.compare(&[(AGENT.to_owned(), hash.to_owned())], at(second));
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    compare(&mut ledger, "one", 0);
    ledger
}

fn health(ledger: &Ledger) -> Option<Health> {
    ledger.health().remove(AGENT)
}

#[test]
fn an_agent_that_crashed_is_healthy_after_a_while_without_crashes() {
    let mut ledger = ledger();
    assert_eq!(health(&ledger), None);
    assert!(ledger.record(crash(0, "KeyError", 100), None, at(100)));
    assert!(!ledger.record(crash(1, "KeyError", 110), None, at(110)));
    assert!(!ledger.record(crash(0, "KeyError", 200), None, at(200)));
    assert_eq!(ledger.crashes(), [crash(0, "KeyError", 100), crash(1, "KeyError", 110)]);
    for second in [300, 799] {
        ledger.expire(at(second));
        assert_eq!(health(&ledger), Some(Health::Crashing), "{second}");
        assert!(ledger.is_suspicious());
    }
    ledger.expire(at(800));
    assert_eq!(health(&ledger), Some(Health::Recovered));
    assert!(!ledger.is_suspicious() && ledger.crashes().is_empty());
    assert!(ledger.record(crash(0, "KeyError", 900), None, at(900)));
    assert_eq!(health(&ledger), Some(Health::Crashing));
}

#[test]
fn another_definition_starts_over_and_members_of_the_earlier_one_do_not_count() {
    let mut ledger = ledger();
    ledger.record(crash(0, "KeyError", 100), Some(at(50)), at(100));
    compare(&mut ledger, "one", 110);
    assert_eq!(health(&ledger), Some(Health::Crashing));
    compare(&mut ledger, "two", 120);
    assert_eq!(health(&ledger), Some(Health::Recovered));
    assert!(!ledger.record(crash(0, "KeyError", 130), Some(at(50)), at(130)));
    assert_eq!(health(&ledger), Some(Health::Recovered));
    // Created after the last comparison with the earlier definition.
    assert!(ledger.record(crash(0, "KeyError", 140), Some(at(115)), at(140)));
    assert_eq!(health(&ledger), Some(Health::Crashing));
    ledger.compare(&[], at(150));
    assert_eq!(health(&ledger), None);
    assert!(!ledger.record(crash(0, "KeyError", 160), None, at(160)));
}

#[test]
fn what_the_status_says_stays_until_something_else_is_seen() {
    let mut ledger = Ledger::default();
    ledger.restore(AGENT, "one", "", at(0));
    compare(&mut ledger, "one", 0);
    ledger.expire(at(599));
    assert_eq!(health(&ledger), None);
    assert!(ledger.is_suspicious());
    ledger.expire(at(600));
    assert_eq!(health(&ledger), Some(Health::Recovered));

    // The definition changed while no operator ran.
    ledger.restore(AGENT, "one", "", at(700));
    compare(&mut ledger, "two", 700);
    assert_eq!(health(&ledger), Some(Health::Recovered));

    ledger.restore(AGENT, "two", "Crashed on 1 of 3 members: KeyError; …", at(800));
    // Reported before the restart.
    assert!(!ledger.record(crash(0, "KeyError", 810), None, at(810)));
    assert!(ledger.record(crash(0, "ValueError", 820), None, at(820)));
    assert_eq!(health(&ledger), Some(Health::Crashing));
}

#[test]
fn messages_that_wait_count_only_where_no_crash_was_seen() {
    let mut ledger = ledger();
    ledger.record_waiting(AGENT, "orders", at(100));
    assert_eq!(health(&ledger), Some(Health::Waiting("orders".to_owned())));
    ledger.record(crash(0, "KeyError", 110), None, at(110));
    ledger.record_waiting(AGENT, "orders", at(120));
    assert_eq!(health(&ledger), Some(Health::Crashing));
    ledger.expire(at(710));
    assert_eq!(health(&ledger), Some(Health::Recovered));
}

#[test]
fn endless_different_exceptions_take_bounded_memory() {
    let mut ledger = ledger();
    for i in 0..1000 {
        ledger.record(crash(0, &format!("Error{i}"), 100), None, at(100));
    }
    assert_eq!(ledger.crashes().len(), MOST_EXCEPTIONS);
}
