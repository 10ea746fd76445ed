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
