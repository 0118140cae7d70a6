use super::*;

/// What the framework logs, without the times of the API server.
const REAL: &str = r#"[2026-11-29 09:25:29,497] [1] [INFO] [^---AgentManager]: Starting...
[2026-11-29 09:25:29,497] [1] [ERROR] [^----enrich*: ]: Crashed reason=NameError("name 'x' is not defined")
Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/faust/agents/agent.py", line 698, in _execute_actor
    await coro
  File "<string>", line 5, in enrich
  File "<string>", line 8, in helper
NameError: name 'x' is not defined
[2026-11-29 09:25:29,498] [1] [INFO] [^----OneForOneSupervisor: (1@0x7f)]: Restarting dead <enrich*: >!
[2026-11-29 09:25:34,500] [1] [ERROR] [^----totals*:  isolated={0}]: Crashed reason=ValueError('bad')
Traceback (most recent call last):
  File "<string>", line 2, in first
KeyError: 'alice@example.com'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "<string>", line 4, in total
    raise
ValueError: bad
"#;

const TIME: &str = "2026-11-29T09:25:30.123456789Z";

fn timed(log: &str) -> String {
    log.lines().map(|line| format!("{TIME} {line}\n")).collect()
}

fn frames(log: &str) -> Vec<(String, Option<(String, usize)>)> {
    let frame = |frame: CodeFrame| (frame.function, frame.line);
    crashes(&timed(log)).into_iter().map(|crash| (crash.agent, crash.frame.map(frame))).collect()
}

#[test]
fn crashes_are_found_with_their_last_frame() {
    let found = crashes(&timed(REAL));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].at, TIME.parse().expect("a time"));
    assert_eq!(found[0].exception, "NameError: name 'x' is not defined");
    let frame = |function: &str, line: usize| Some((function.to_owned(), line));
    let expected = [("enrich".to_owned(), frame("helper", 8)), ("totals".to_owned(), frame("total", 4))];
    assert_eq!(frames(REAL), expected);
}

#[test]
fn what_an_agent_prints_is_no_crash() {
    let line = "[^----enrich*: ]: Crashed reason=KeyError('id')";
    for log in [
        format!("[2026-11-29 09:25:29,497] [1] [WARNING] [ERROR] {line}"),
        format!("said: [ERROR] {line}"),
        format!("[2026-11-29 09:25:29,497] [1] [INFO] {line}"),
        "[ERROR] [^----Kafka Consumer]: Crashed reason=KeyError('id')".to_owned(),
        "[ERROR] [^----Enrich Orders*: ]: Crashed reason=KeyError('id')".to_owned(),
        "[ERROR] [^----*: ]: Crashed reason=KeyError('id')".to_owned(),
        "[ERROR] [^----enrich*: ]: Restarted".to_owned(),
        "[ERROR".to_owned(),
    ] {
        assert_eq!(frames(&log), [], "{log}");
    }
    for log in [format!("[ERROR] {line}"), format!("[2026-11-29 09:25:29,497] [1] [ERROR]: {line}")] {
        assert_eq!(frames(&log), [("enrich".to_owned(), None)], "{log}");
    }
    // A log without the times of the API server.
    assert_eq!(crashes(REAL), []);
}

#[test]
fn the_text_of_an_exception_names_no_frame() {
    let crash = "[ERROR] [^--enrich*: ]: Crashed reason=ValueError('…')\n";
    let genuine = format!("{crash}{TRACEBACK}\n  File \"<string>\", line 3, in f\nValueError: ");
    let expected = [("enrich".to_owned(), Some(("f".to_owned(), 3)))];
    for text in [
        "two\n  File \"<string>\", line 9, in evil",
        "two\nTraceback (most recent call last):\n  File \"<string>\", line 9, in evil",
        "two\n[2026-11-29 09:25:29,497] [1] [INFO] x\n  File \"<string>\", line 9, in evil",
    ] {
        assert_eq!(frames(&format!("{genuine}{text}")), expected, "{text}");
    }
    for frame in [
        "  File \"<string>\", line -1, in f",
        "  File \"<string>\", line 99999999999999999999, in f",
        "  File \"<string>\", line 3, in f; rm -rf",
        "  File \"/app/kaspr.py\", line 3, in f",
        "  File \"<string>\", line 3",
    ] {
        let log = format!("{crash}{TRACEBACK}\n{frame}");
        assert_eq!(frames(&log), [("enrich".to_owned(), None)], "{frame}");
    }
}

#[test]
fn a_long_log_is_cut() {
    let line = format!("{TIME} [ERROR] [^--enrich*: ]: Crashed reason=KeyError('ä')\n");
    let found = crashes(&line.repeat(10_000));
    assert!(found.len() <= MAX_BYTES / line.len() + 1, "{}", found.len());
    assert!(crashes(&"ä".repeat(MAX_BYTES)).is_empty());
}
