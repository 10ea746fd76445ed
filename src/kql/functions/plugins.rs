//! Plugins: what `evaluate` calls. A parameter that is not a constant names a column.

use super::{Function, FunctionKind, Gives, Parameter, ResultName, Type, any, args, dynamic, entry, named, string};

/// Plugins that reach out of the query, and where they run.
pub static ELSEWHERE: &[(&str, &str)] = &[
    ("ai_chat_completion", "in Azure Data Explorer, with a model of Azure OpenAI"),
    ("ai_chat_completion_prompt", "in Azure Data Explorer, with a model of Azure OpenAI"),
    ("ai_embed_text", "in Azure Data Explorer, with a model of Azure OpenAI"),
    ("ai_embeddings", "in Azure Data Explorer, with a model of Azure OpenAI"),
    ("azure_digital_twins_query_request", "in Azure Data Explorer, beside Azure Digital Twins"),
    ("cosmosdb_sql_request", "in Azure Data Explorer, beside Azure Cosmos DB"),
    ("csharp", "in the sandbox of an Azure Data Explorer cluster"),
    ("dax_request", "in Azure Data Explorer, beside Power BI"),
    ("estimate_rows_count", "in Azure Data Explorer, from the statistics of its shards"),
    ("execute_query", "in Azure Data Explorer, which asks another cluster"),
    ("execute_show_command", "in Azure Data Explorer, which asks another cluster"),
    ("external_datatable", "in Azure Data Explorer, with rows that its client sends"),
    ("http_request", "in Azure Data Explorer, which calls the address itself"),
    ("http_request_post", "in Azure Data Explorer, which calls the address itself"),
    ("infer_storage_schema", "in Azure Data Explorer, beside Azure Storage"),
    ("infer_storage_schema_with_suggestions", "in Azure Data Explorer, beside Azure Storage"),
    ("mysql_request", "in Azure Data Explorer, beside a MySQL server"),
    ("postgresql_request", "in Azure Data Explorer, beside a PostgreSQL server"),
    ("python", "in the sandbox of an Azure Data Explorer cluster"),
    ("r", "in the sandbox of an Azure Data Explorer cluster"),
    ("sql_request", "in Azure Data Explorer, beside a SQL server"),
];

const fn plugin(
    name: &'static str,
    parameters: &'static [Parameter],
    summary: &'static str,
    example: &'static str,
) -> Function {
    entry(FunctionKind::Plugin, name, parameters, Gives::Type(Type::Dynamic), ResultName::None, summary, example)
}

named! {
    BAG_UNPACK = plugin("bag_unpack", args![any("column"), string("OutputColumnPrefix").optional().constant(), string("columnsConflict").optional().constant(), dynamic("ignoredProperties").optional().constant()], "A column for each property of the bags in a column.", "print b = dynamic({'a': 1, 'c': 'x'}) | evaluate bag_unpack(b)");
    PIVOT = plugin("pivot", args![any("pivotColumn"), any("aggregate").optional(), any("column").optional().repeats()], "A column for each value of a column, with an aggregate of its rows in the cells.", "datatable(user: string, action: string)['ann', 'grant', 'bob', 'view'] | evaluate pivot(action)");
}
