//! Lookups by address, and plugins that give rows or cells of their input.

use super::{answer, table, wrong};

const NETS: &str = "let Nets = datatable(net: string, site: string, tenant: string)[
    '10.0.0.0/8', 'all', 'a', '10.1.0.0/16', 'office', 'a', '10.1.0.0/16', 'lab', 'b', '2001:db8::/32', 'six', 'a', 'none', 'x', 'a'];
    let Ips = datatable(ip: string, tenant: string)['10.1.2.3', 'a', '10.9.9.9', 'b', '192.168.0.1', 'a', '2001:db8::7', 'a', '', 'a'];";

#[test]
fn an_address_comes_beside_every_range_that_holds_it() {
    let query = format!("{NETS} Ips | evaluate ipv4_lookup(Nets, ip, net) | project ip, site");
    assert_eq!(table(&query), "ip:string,site:string\n10.1.2.3,all\n10.1.2.3,lab\n10.1.2.3,office\n10.9.9.9,all");
    let query = format!("{NETS} Ips | evaluate ipv4_lookup(Nets, ip, net) | getschema | project ColumnName");
    assert_eq!(table(&query), "ColumnName:string\nip\nnet\nsite\ntenant\ntenant1");
}

#[test]
fn extra_keys_must_be_equal_and_stand_once() {
    let query = format!("{NETS} Ips | evaluate ipv4_lookup(Nets, ip, net, tenant)");
    assert_eq!(
        table(&query),
        "ip:string,tenant:string,net:string,site:string\n10.1.2.3,a,10.0.0.0/8,all\n10.1.2.3,a,10.1.0.0/16,office"
    );
    let query =
        format!("{NETS} Ips | evaluate ipv4_lookup(Nets, ip, net, tenant, return_unmatched = true) | project ip, site");
    assert_eq!(
        table(&query),
        "ip:string,site:string\n,\n10.1.2.3,all\n10.1.2.3,office\n10.9.9.9,\n192.168.0.1,\n2001:db8::7,"
    );
    let query = format!("{NETS} Ips | evaluate ipv4_lookup(Nets, ip, net, true) | count");
    assert_eq!(table(&query), "Count:long\n7");
}

#[test]
fn the_lookup_of_ipv6_takes_both_kinds() {
    let query = format!("{NETS} Ips | evaluate ipv6_lookup(Nets, ip, net, tenant) | project site, ip");
    assert_eq!(table(&query), "site:string,ip:string\nall,10.1.2.3\noffice,10.1.2.3\nsix,2001:db8::7");
    let query = format!("{NETS} Ips | project ip | evaluate ipv6_lookup(Nets, ip, net) | take 0");
    assert_eq!(table(&query), "net:string,site:string,tenant:string,ip:string\n");
}

#[test]
fn many_addresses_against_many_ranges_are_no_product() {
    let query =
        "let Nets = range n from 0 to 65535 step 1 | project net = strcat('10.', n / 256, '.', n % 256, '.0/24'), n;
        range i from 0 to 99999 step 1 | project ip = strcat('10.', i % 7, '.', i % 250, '.', i % 200)
        | evaluate ipv4_lookup(Nets, ip, net) | summarize c = count(), nets = dcount(n)";
    assert_eq!(table(query), "c:long,nets:long\n100000,1750");
}

#[test]
fn narrow_gives_a_row_a_cell() {
    let query = "datatable(a: long, b: string, c: datetime)[1, 'x', datetime(null), 2, '', datetime(2026-01-02)] | evaluate narrow()";
    assert_eq!(
        table(query),
        "Row:long,Column:string,Value:string\n0,a,1\n0,b,x\n0,c,\n1,a,2\n1,b,\n1,c,2026-01-02T00:00:00.0000000Z"
    );
}

#[test]
fn rows_near_a_condition_come_once_and_in_order() {
    let rows = |call: &str| {
        table(&format!(
            "range x from 1 to 20 step 1 | evaluate rows_near({call}) | extend n = row_number() | project x"
        ))
    };
    assert_eq!(rows("x == 10, 2").split('\n').count(), 6);
    assert_eq!(rows("x in (3, 5), 1, 2"), "x:long\n2\n3\n4\n5\n6\n7");
    assert_eq!(rows("x == 1 or x == 20, 1, 0"), "x:long\n1\n19\n20");
    assert!(wrong("datatable(x: long)[1] | evaluate rows_near(x == 1, 1)").starts_with("KQL138 evaluate"));
    assert!(wrong("range x from 1 to 2 step 1 | evaluate rows_near(x > 1, -1)").contains("cannot be negative"));
}

#[test]
fn schemas_are_merged_by_name_with_their_common_type() {
    let query = |rest: &str| {
        format!(
            "let a = datatable(Uri: string, Status: int)[] | getschema; let b = datatable({rest})[] | getschema;
             union a, b"
        )
    };
    let more = format!("{} | evaluate schema_merge()", query("Uri: string, Status: int, Referrer: string"));
    let heading = "ColumnName:string,ColumnOrdinal:int,DataType:string,ColumnType:string";
    assert_eq!(
        table(&more),
        format!("{heading}\nReferrer,2,System.String,string\nStatus,1,System.Int32,int\nUri,0,System.String,string")
    );
    let other = query("Uri: string, Referrer: string, Status: long");
    let moved = "Status,-1,ERROR(unknown CSL type:ERROR(columns are out of order)),ERROR(columns are out of order)";
    assert_eq!(
        table(&format!("{other} | evaluate schema_merge()")),
        format!("{heading}\nReferrer,1,System.String,string\n{moved}\nUri,0,System.String,string")
    );
    assert_eq!(
        table(&format!("{other} | evaluate schema_merge(PreserveOrder = false)")),
        format!("{heading}\nReferrer,1,System.String,string\nStatus,2,System.Int64,long\nUri,0,System.String,string")
    );
}

#[test]
fn a_preview_is_two_results() {
    let answer = answer("range x from 1 to 9 step 1 | evaluate preview(3)").unwrap();
    let sizes: Vec<_> = answer.tables.iter().map(|t| (&*t.schema.0[0].name, t.rows())).collect();
    assert_eq!(sizes, [("x", 3), ("Count", 1)]);
}

#[test]
fn wrong_lookups_say_what_to_write() {
    for (query, said) in [
        ("Ips | evaluate ipv4_lookup(Nets, ip, nett)", "KQL110 nett: no column is called `nett` (did you mean `net`?)"),
        ("Ips | evaluate ipv4_lookup(Nets, ip)", "KQL112 ipv4_lookup"),
        ("Ips | extend n = 1 | evaluate ipv4_lookup(Nets, n, net)", "KQL120 n: `ipv4_lookup` takes addresses as text"),
        ("Ips | evaluate ipv4_lookup(Netz, ip, net)", "KQL113 Netz"),
        ("Ips | evaluate ipv4_lookup(Nets, ip, net, 5)", "KQL120 5: `return_unmatched` is bool"),
        ("Ips | extend tenant = 1 | evaluate ipv4_lookup(Nets, ip, net, tenant)", "KQL121 tenant"),
    ] {
        let got = wrong(&format!("{NETS} {query}"));
        assert!(got.starts_with(said), "{query}\n{got}");
    }
}

#[test]
fn sketches_share_as_many_values_as_all_of_them_have() {
    let query = "range x from 1 to 100 step 1
        | summarize two = hll(iff(x % 2 == 0, x, 0), 2), three = hll(iff(x % 3 == 0, x, 0), 2), five = hll(iff(x % 5 == 0, x, 0), 2)
        | evaluate dcount_intersect(two, three, five) | project s0, s1, s2";
    assert_eq!(table(query), "s0:long,s1:long,s2:long\n51,17,4");
    assert!(wrong("print a = 1 | evaluate dcount_intersect(a)").starts_with("KQL112 dcount_intersect"));
}
