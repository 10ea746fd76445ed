use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::kql::Type;

fn source(name: &str, text: &str) -> Source {
    let format = if Path::new(name).extension().is_some_and(|extension| extension == "csv") {
        Format::Csv(b',')
    } else {
        Format::Json
    };
    Source::of_bytes(name, Bytes::copy_from_slice(text.as_bytes()), format)
}

fn put(tables: &Imported, source: Source, schema: &str, replace: bool) -> Result<Done, StoreError> {
    let schema = if schema.is_empty() { Schema::default() } else { read_schema(schema).unwrap() };
    let request = Request { table: "T", sources: &[source], schema: &schema, replace, now: Ticks(7) };
    import(tables, &request, |_| ControlFlow::Continue(()))
}

fn imported(source: Source) -> (Done, Schema, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let tables = Imported::of(dir.path());
    let done = put(&tables, source, "", false).unwrap();
    let schema = tables.table("T").unwrap().unwrap().schema;
    (done, schema, dir)
}

fn types(schema: &Schema) -> Vec<(String, Type)> {
    schema.iter().map(|c| (c.name.to_string(), c.ty)).collect()
}

fn typed(list: &[(&str, Type)]) -> Vec<(String, Type)> {
    list.iter().map(|(n, t)| ((*n).to_owned(), *t)).collect()
}

#[test]
fn lines_of_json_become_a_table_with_the_types_that_their_values_show() {
    let (done, schema, dir) = imported(source(
        "a.ndjson",
        "{\"n\": 1, \"at\": \"2025-04-18T12:55:02Z\", \"who\": {\"name\": \"Ann\"}}\n\n{\"n\": null, \"ok\": true, \"who\": null}\nnonsense\n[1]\n",
    ));
    assert_eq!((done.rows, done.bad), (2, 2));
    assert_eq!(done.named[0], Bad { place: "a.ndjson:4".into(), why: "it is no JSON object".into() });
    assert_eq!(
        types(&schema),
        typed(&[("n", Type::Long), ("at", Type::DateTime), ("who", Type::Dynamic), ("ok", Type::Bool)])
    );
    let table = Imported::of(dir.path()).table("T").unwrap().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(table.files[0].open().unwrap()).unwrap();
    let kept = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let kept = kept.iter().find(|kv| kv.key == SCHEMA_KEY).unwrap().value.clone().unwrap();
    assert_eq!(read_schema(&kept).unwrap(), schema);
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let n = batch.column_by_name("n").unwrap().as_primitive::<Int64Type>();
    assert_eq!(n.iter().collect::<Vec<_>>(), [Some(1), None]);
}

#[test]
fn an_answer_of_the_query_api_keeps_the_types_it_came_with() {
    let text = r#"{"tables":[{"name":"PrimaryResult",
        "columns":[{"name":"Id","type":"guid"},{"name":"N","type":"int"},{"name":"Took","type":"timespan"},{"name":"Bag","type":"dynamic"},{"name":"S","type":"string"}],
        "rows":[["74be27de-1e4e-49d9-b579-fe0b331d3642",1,"00:00:01","{\"a\":1}","2025-04-18T12:55:02Z"],
                [null,null,null,null,""], [1]]}]}"#;
    let (done, schema, _dir) = imported(source("answer.json", text));
    assert_eq!((done.rows, done.bad, done.named[0].place.as_str()), (2, 1, "answer.json:4"));
    assert_eq!(
        types(&schema),
        typed(&[
            ("Id", Type::Guid),
            ("N", Type::Int),
            ("Took", Type::TimeSpan),
            ("Bag", Type::Dynamic),
            ("S", Type::String)
        ])
    );
}

#[test]
fn an_export_of_the_portal_is_read_with_its_dates_and_json_cells() {
    let text = "\u{feff}\"TimeGenerated [UTC]\",user,n,user\n\"4/18/2025, 12:55:02.901 PM\",\"{\"\"email\"\":\"\"a@b.c\"\"}\",5,x\nshort\n";
    let (done, schema, _dir) = imported(source("export.csv", text));
    assert_eq!((done.rows, done.bad), (1, 1));
    assert_eq!(
        types(&schema),
        typed(&[
            ("TimeGenerated", Type::DateTime),
            ("user", Type::Dynamic),
            ("n", Type::Long),
            ("user1", Type::String)
        ])
    );
}

#[test]
fn more_rows_join_a_table_unless_their_types_do_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let tables = Imported::of(dir.path());
    put(&tables, source("a.ndjson", r#"{"a": 1, "b": "x"}"#), "", false).unwrap();
    let done = put(&tables, source("b.ndjson", r#"{"b": 5, "c": 2.5}"#), "", false).unwrap();
    assert_eq!(done.added, [Arc::from("c")]);
    let table = tables.table("T").unwrap().unwrap();
    assert_eq!(types(&table.schema), typed(&[("a", Type::Long), ("b", Type::String), ("c", Type::Real)]));
    assert_eq!((table.rows(), table.files.len()), (2, 2));
    let error = put(&tables, source("c.ndjson", r#"{"a": "one"}"#), "", false).unwrap_err().to_string();
    assert!(error.contains("`a` is long") && error.contains("--replace"), "{error}");
    assert_eq!(tables.table("T").unwrap().unwrap().rows(), 2);
    put(&tables, source("c.ndjson", r#"{"a": "one"}"#), "", true).unwrap();
    let table = tables.table("T").unwrap().unwrap();
    assert_eq!((types(&table.schema), table.rows()), (typed(&[("a", Type::String)]), 1));
    let parquet = fs::read_dir(tables.root().join("T")).unwrap().flatten();
    assert_eq!(parquet.filter(|e| e.path().extension().is_some_and(|e| e == "parquet")).count(), 1);
}

#[test]
fn types_that_the_person_says_hold_and_what_they_cannot_hold_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let tables = Imported::of(dir.path());
    let done = put(&tables, source("a.csv", "id,n\n7,5\n8,many\n"), "id: string, n: int", false).unwrap();
    assert_eq!((done.unfit.get("n"), done.rows), (Some(&1), 2));
    assert_eq!(types(&done.schema), typed(&[("id", Type::String), ("n", Type::Int)]));
}

#[test]
fn an_import_that_is_broken_off_leaves_the_table_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let tables = Imported::of(dir.path());
    put(&tables, source("a.ndjson", r#"{"a": 1}"#), "", false).unwrap();
    let many = "{\"a\":1}\n".repeat(10_000);
    let sources = [source("b.ndjson", &many)];
    let schema = Schema::default();
    let request = Request { table: "T", sources: &sources, schema: &schema, replace: true, now: Ticks(7) };
    let mut looks = 0;
    let done = import(&tables, &request, |_| {
        looks += 1;
        if looks > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(done.unwrap().stopped);
    assert_eq!(tables.table("T").unwrap().unwrap().rows(), 1);
}

#[test]
fn a_name_that_could_be_a_path_is_refused() {
    for name in ["", "..", ".hidden", "a/b", "../x", "a\\b", "x.", "naïve", "a\u{1b}[0m", "-x"] {
        assert!(check_name(name).is_err(), "{name:?}");
    }
    for name in ["SigninLogs", "_x", "My table-1.2", "1PasswordEvents_CL"] {
        assert!(check_name(name).is_ok(), "{name:?}");
    }
}

#[test]
fn a_file_that_the_table_has_is_recognised_and_adds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let tables = Imported::of(dir.path());
    let rows = || tables.table("T").unwrap().unwrap().rows();
    let log_analytics =
        r#"{"tables":[{"name":"PrimaryResult","columns":[{"name":"n","type":"long"}],"rows":[[1],[2]]}]}"#;
    let page = r#"[{"n": 3}, {"n": 4}]"#;
    for (files, n) in [("a.ndjson", "{\"n\": 0}\n"), ("b.json", log_analytics), ("c.json", page), ("d.csv", "n\n5\n")]
        .into_iter()
        .zip([1, 3, 5, 6])
    {
        assert!(put(&tables, source(files.0, files.1), "", false).unwrap().known.is_empty());
        assert_eq!(rows(), n, "{}", files.0);
        // Under another name too.
        let again = put(&tables, source(&format!("copy-of-{}", files.0), files.1), "", false).unwrap();
        assert_eq!((again.rows, again.known.len(), again.known[0].1), (0, 1, Ticks(7)));
        assert_eq!((rows(), again.schema), (n, tables.table("T").unwrap().unwrap().schema));
    }
    // Twice in one import, and a new one beside a known one.
    let sources = [source("e.csv", "n\n6\n"), source("e2.csv", "n\n6\n"), source("d.csv", "n\n5\n")];
    let schema = Schema::default();
    let request = Request { table: "T", sources: &sources, schema: &schema, replace: false, now: Ticks(8) };
    let done = import(&tables, &request, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((done.rows, done.known.len(), rows()), (1, 2, 7));
    put(&tables, source("d.csv", "n\n5\n"), "", true).unwrap();
    assert_eq!(rows(), 1);
    // It is a Parquet file's turn: the table's own.
    let file = fs::read(&tables.table("T").unwrap().unwrap().files[0].path).unwrap();
    let parquet = || Source::of_bytes("t.parquet", Bytes::from(file.clone()), Format::Parquet);
    assert_eq!(put(&tables, parquet(), "", false).unwrap().rows, 1);
    assert_eq!((put(&tables, parquet(), "", false).unwrap().known.len(), rows()), (1, 2));
}

#[test]
fn what_an_import_left_that_was_killed_is_no_part_of_the_table_and_goes_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let tables = Imported::of(dir.path());
    put(&tables, source("a.ndjson", r#"{"a": 1}"#), "", false).unwrap();
    let folder = tables.root().join("T");
    // Killed while it wrote its rows, and between their file and the table that names it.
    fs::write(folder.join("000002.new"), "half").unwrap();
    fs::copy(folder.join("000001.parquet"), folder.join("000003.parquet")).unwrap();
    assert_eq!(tables.table("T").unwrap().unwrap().rows(), 1);
    put(&tables, source("b.ndjson", r#"{"a": 2}"#), "", false).unwrap();
    let mut left: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.retain(|name| name.starts_with('0'));
    left.sort();
    assert_eq!(
        (left, tables.table("T").unwrap().unwrap().rows()),
        (vec!["000001.parquet".into(), "000002.parquet".into()], 2)
    );
}
