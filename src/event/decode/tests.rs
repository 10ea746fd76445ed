use super::*;
use crate::event::schema::position;

fn column(name: &str) -> usize {
    position(name).unwrap()
}

fn text<'e>(event: &'e Decoded<'_>, name: &str) -> Option<&'e str> {
    event.text(column(name))
}

const SIGN_IN: &str = r#"{"uuid":"SIGNINAAAAAAAAAAAAAAAAAAAA","session_uuid":"SESSIONAAAAAAAAAAAAAAAAAAA",
  "timestamp":"2026-03-01T08:15:00.123456789Z","country":"CA","category":"firewall_failed","type":"continent_blocked",
  "details":{"value":"Europe"},"target_user":{"uuid":"U1","name":"Ann \"A\" \u00c9","email":"Ann@Example.com"},
  "client":{"app_name":"1Password CLI","ip_address":"192.0.2.7","unknown":{"x":[1,{}]}},
  "location":{"country":"Canada","latitude":43.64,"longitude":-79.433},"future":[{"uuid":"no"}]}"#;

#[test]
fn a_stored_column_holds_what_stands_at_its_path() {
    let event = decode(SIGN_IN.as_bytes()).unwrap();
    assert!(!event.irregular);
    assert_eq!(event.raw(), SIGN_IN);
    assert_eq!(event.uuid(), "SIGNINAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(event.timestamp().unwrap().to_string(), "2026-03-01T08:15:00.1234567Z");
    for (name, want) in [
        ("category", "firewall_failed"),
        ("action_type", "continent_blocked"),
        ("details.value", "Europe"),
        ("target_user.name", "Ann \"A\" É"),
        ("target_user.email", "Ann@Example.com"),
        ("client.ip_address", "192.0.2.7"),
        ("location.country", "Canada"),
        ("country", "CA"),
    ] {
        assert_eq!(text(&event, name), Some(want), "{name}");
    }
    assert_eq!(event.value(column("location.latitude")), &Value::Float(43.64));
    assert_eq!(event.value(column("action")), &Value::Null);
}

#[test]
fn a_uuid_is_all_that_an_event_needs() {
    for item in [r#"{"uuid":"A"}"#, " {\"uuid\":\"A\",\"client\":null,\"action\":null}\n", r#"{"\u0075uid":"A"}"#] {
        let event = decode(item.as_bytes()).unwrap();
        assert_eq!(event.uuid(), "A");
        assert!(event.undated());
        assert!(!event.irregular, "{item}");
    }
}

#[test]
fn an_unreadable_time_is_undated() {
    for time in ["\"yesterday\"", "\"2026-13-01T00:00:00Z\"", "\"\"", "null", "5"] {
        let item = format!(r#"{{"uuid":"A","timestamp":{time}}}"#);
        assert!(decode(item.as_bytes()).unwrap().undated(), "{time}");
    }
}

#[test]
fn what_a_column_cannot_hold_marks_the_event_irregular() {
    for (member, name) in [
        (r#""action":5"#, "action"),
        (r#""action":["grant"]"#, "action"),
        (r#""action":{"a":1}"#, "action"),
        (r#""action":true"#, "action"),
        (r#""action":"a","action":"b""#, "action"),
        (r#""action":"a","\u0061ction":null"#, "action"),
        (r#""action":"\ud800""#, "action"),
        (r#""client":{"ip_address":7}"#, "client.ip_address"),
        (r#""client":{"ip_address":"a","ip_address":"a"}"#, "client.ip_address"),
        (r#""client":{"ip_address":"a"},"client":{}"#, "client.ip_address"),
        (r#""aux_id":9223372036854775808"#, "aux_id"),
        (r#""aux_id":1.5"#, "aux_id"),
        (r#""aux_id":"1""#, "aux_id"),
        (r#""used_version":2147483648"#, "used_version"),
        (r#""location":{"latitude":43}"#, "location.latitude"),
        (r#""location":{"latitude":43.50}"#, "location.latitude"),
        (r#""location":{"latitude":4.35e1}"#, "location.latitude"),
        (r#""location":{"latitude":43.5000000000000001}"#, "location.latitude"),
        (r#""location":{"latitude":"43.5"}"#, "location.latitude"),
    ] {
        let item = format!(r#"{{"uuid":"A",{member}}}"#);
        let event = decode(item.as_bytes()).unwrap();
        assert!(event.irregular, "{member}");
        assert_eq!(event.value(column(name)), &Value::Null, "{member}");
    }
}

#[test]
fn numbers_that_fit_are_held() {
    let event = decode(
        br#"{"uuid":"A","aux_id":-9223372036854775808,"used_version":0,"location":{"latitude":-0.1,"longitude":12.345678901234567}}"#,
    )
    .unwrap();
    assert!(!event.irregular);
    assert_eq!(event.value(column("aux_id")), &Value::Int(i64::MIN));
    assert_eq!(event.value(column("used_version")), &Value::Int(0));
    assert_eq!(event.value(column("location.latitude")), &Value::Float(-0.1));
    assert_eq!(event.value(column("location.longitude")), &Value::Float(12.345_678_901_234_567));
}

#[test]
fn a_dynamic_column_that_is_no_object_has_no_paths() {
    for client in ["5", "\"text\"", "[1,2]", "false"] {
        let item = format!(r#"{{"uuid":"A","client":{client}}}"#);
        let event = decode(item.as_bytes()).unwrap();
        assert!(!event.irregular, "{client}");
        assert_eq!(text(&event, "client.ip_address"), None);
    }
}

#[test]
fn what_is_no_event_is_refused_with_its_reason() {
    let deep = format!(r#"{{"uuid":"A","x":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    let large = format!(r#"{{"uuid":"A","x":"{}"}}"#, "x".repeat(MAX_EVENT));
    for (item, want) in [
        (&b"\xff{}"[..], Undecodable::NotUtf8 { at: 0 }),
        (b"", Undecodable::NotJson { at: 0 }),
        (b"{", Undecodable::NotJson { at: 1 }),
        (b"{\"uuid\":\"A\"", Undecodable::NotJson { at: 11 }),
        (b"{\"uuid\":\"A\",}", Undecodable::NotJson { at: 12 }),
        (b"{\"uuid\":\"A\"} x", Undecodable::NotJson { at: 13 }),
        (b"{\"uuid\":\"A\",\"n\":01}", Undecodable::NotJson { at: 17 }),
        (b"{\"uuid\":\"A\tB\"}", Undecodable::NotJson { at: 10 }),
        (b"[1]", Undecodable::NotAnObject),
        (b"null", Undecodable::NotAnObject),
        (b"nul", Undecodable::NotJson { at: 0 }),
        (b"{}", Undecodable::NoUuid),
        (b"{\"uuid\":\"\"}", Undecodable::NoUuid),
        (b"{\"uuid\":null}", Undecodable::NoUuid),
        (b"{\"uuid\":5}", Undecodable::NoUuid),
        (b"{\"uuid\":\"\\ud800\"}", Undecodable::NoUuid),
        (b"{\"uuid\":\"A\",\"uuid\":\"B\"}", Undecodable::RepeatedUuid),
        (deep.as_bytes(), Undecodable::TooDeep { at: 79 }),
        (large.as_bytes(), Undecodable::TooLarge(large.len())),
    ] {
        assert_eq!(decode(item).unwrap_err(), want, "{}", String::from_utf8_lossy(&item[..item.len().min(40)]));
    }
}

#[test]
fn an_audit_event_of_version_3_has_the_columns_that_version_2_would_have() {
    let raw = r#"{"uuid":"E","timestamp":"2026-06-25T10:00:00.5Z","insert_time":"2026-06-25T10:00:01.123456789Z",
        "action":"vault.user-access.grant","actor":{"uuid":"A","type":"user","name":"Ann","email":"ann@example.com"},
        "targets":[{"type":"user","uuid":"B","name":"Bo","email":"bo@example.com"},{"type":"vault","uuid":"v"}],
        "context":{"account":{"uuid":"ACC"},"session":{"uuid":"S","login_time":"2026-06-25T09:00:00Z"},"device":{"uuid":"d"},
            "client":{"app_name":"1Password for Web","ip_address":"192.0.2.1"},"location":{"country":"Canada","latitude":43.64}}}"#;
    let event = decode(raw.as_bytes()).unwrap();
    let text = |name: &str| event.text(crate::event::schema::position(name).unwrap()).unwrap_or_default();
    assert_eq!((event.uuid(), event.raw(), event.irregular), ("E", raw, false));
    assert_eq!(event.timestamp().unwrap().to_string(), "2026-06-25T10:00:00.5000000Z");
    let got =
        ["action", "object_type", "object_uuid", "aux_uuid", "aux_details.email", "actor_uuid", "actor_details.email"]
            .map(text);
    assert_eq!(got, ["grant", "uva", "v", "B", "bo@example.com", "A", "ann@example.com"]);
    let got =
        ["account_uuid", "session.uuid", "session.device_uuid", "session.ip", "client.app_name", "location.country"]
            .map(text);
    assert_eq!(got, ["ACC", "S", "d", "192.0.2.1", "1Password for Web", "Canada"]);
    assert_eq!(text("object_details.uuid"), "", "details are of people");
}

#[test]
fn an_action_of_version_3_that_version_2_has_no_code_for_is_kept_as_it_is() {
    let event = decode(
        br#"{"id":"E","insert_time":"2026-06-25T10:00:01Z","action":"billing.card.update","target":{"id":"c"}}"#,
    );
    let event = event.unwrap();
    let text = |name: &str| event.text(crate::event::schema::position(name).unwrap()).unwrap_or_default();
    assert_eq!(
        (event.uuid(), text("action"), text("object_type"), text("object_uuid")),
        ("E", "billing.card.update", "billing", "c")
    );
    assert_eq!(
        event.timestamp().unwrap().to_string(),
        "2026-06-25T10:00:01.0000000Z",
        "the insertion, for want of better"
    );
    for odd in [
        r#"{"uuid":"E","insert_time":7,"actor":[],"targets":[[]],"context":7,"action":null}"#,
        r#"{"uuid":"E","insert_time":null}"#,
    ] {
        assert_eq!(decode(odd.as_bytes()).unwrap().uuid(), "E");
    }
    assert_eq!(decode(br#"{"insert_time":"2026-06-25T10:00:01Z","uuid":7}"#).unwrap_err(), Undecodable::NoUuid);
}
