//! Window functions as queries see them; the expectations are the documentation's.

use crate::engine::local::asked::{refusal, rows};

const FLIGHTS: &str = "datatable (Airport: string, Airline: string, Departures: long)
    ['TLV','LH',1, 'TLV','LY',100, 'SEA','LH',1, 'SEA','BA',2, 'SEA','LY',0]";

#[test]
fn sessions_end_where_a_gap_or_their_length_is_reached() {
    let query = "datatable (ID: string, At: datetime)
        ['1', datetime(2024-04-11 10:00), '2', datetime(2024-04-11 10:18), '1', datetime(2024-04-11 11:00), '3', datetime(2024-04-11 11:30),
         '2', datetime(2024-04-11 13:30), '2', datetime(2024-04-11 10:16)]
        | sort by ID asc, At asc | extend s = row_window_session(At, 1h, 5m, ID != prev(ID)) | project ID, format_datetime(s, 'HH:mm')";
    assert_eq!(
        rows(query),
        "\"1\" | \"10:00\"\n\"1\" | \"11:00\"\n\"2\" | \"10:16\"\n\"2\" | \"10:16\"\n\"2\" | \"13:30\"\n\"3\" | \"11:30\""
    );
    // Reaching the distance is enough; after a null another session begins.
    assert_eq!(
        rows("datatable(t: datetime)[datetime(2024-01-01 00:00), datetime(2024-01-01 00:04), datetime(2024-01-01 00:09), datetime(null), datetime(2024-01-01 00:10)]
            | serialize s = row_window_session(t, 1h, 5m) | project format_datetime(s, 'mm')"),
        "\"00\"\n\"00\"\n\"09\"\n\"\"\n\"10\""
    );
}

#[test]
fn rows_are_numbered_from_any_start_and_again_at_a_restart() {
    assert_eq!(rows("range a from 1 to 3 step 1 | sort by a desc | extend rn = row_number(7)"), "3 | 7\n2 | 8\n1 | 9");
    assert_eq!(
        rows(&format!(
            "{FLIGHTS} | sort by Airport asc, Departures desc | extend Rank = row_number(1, prev(Airport) != Airport) | project Airline, Rank"
        )),
        "\"BA\" | 1\n\"LH\" | 2\n\"LY\" | 3\n\"LY\" | 1\n\"LH\" | 2"
    );
}

#[test]
fn ranks_count_distinct_terms_or_the_rows_before_them() {
    let ranked = |f: &str| {
        rows(&format!("{FLIGHTS} | sort by Departures asc | extend r = {f}(Departures) | project Departures, r"))
    };
    assert_eq!(ranked("row_rank_dense"), "0 | 1\n1 | 2\n1 | 2\n2 | 3\n100 | 4");
    assert_eq!(ranked("row_rank_min"), "0 | 1\n1 | 2\n1 | 2\n2 | 4\n100 | 5");
    assert_eq!(
        rows(&format!(
            "{FLIGHTS} | sort by Airport asc, Departures asc | extend r = row_rank_min(Departures, prev(Airport) != Airport) | project r"
        )),
        "1\n2\n3\n1\n2"
    );
}

#[test]
fn sums_run_on_until_a_restart() {
    assert_eq!(
        rows("datatable (name: string, month: int, salary: long)['Alice',1,1000, 'Bob',1,1000, 'Alice',2,2000, 'Bob',2,1950]
            | order by name asc, month asc | extend total = row_cumsum(salary, name != prev(name)) | project total"),
        "1000\n3000\n1000\n2950"
    );
}

#[test]
fn neighbours_have_a_default_past_the_ends() {
    assert_eq!(
        rows(
            "range x from 1 to 4 step 1 | serialize p = prev(x), q = prev(x, 2, -1), n = next(x, 1, 10), t = next(tostring(x))"
        ),
        "1 | null | -1 | 2 | \"2\"\n2 | 1 | -1 | 3 | \"3\"\n3 | 2 | 1 | 4 | \"4\"\n4 | 3 | 2 | 10 | \"\""
    );
}

#[test]
fn rows_without_an_order_have_no_neighbours() {
    assert!(
        refusal("datatable(x: long)[1, 2] | extend p = prev(x)").starts_with("KQL138 `prev` needs rows in an order")
    );
}
