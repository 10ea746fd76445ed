//! Plugins: what `evaluate` calls. A parameter that is not a constant names a column.

use super::{
    Function, FunctionKind, Gives, Parameter, ResultName, Type, any, args, dynamic, entry, long, named, predicate,
    real, string,
};

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

/// An id, a time, and the ends of the timeline.
const ID: Parameter = any("IdColumn");
const TIME: Parameter = any("TimelineColumn");
const START: Parameter = any("Start").constant();
const END: Parameter = any("End").constant();
const DIMENSION: Parameter = any("Dimension").optional().repeats();

named! {
    ACTIVE_USERS_COUNT = plugin("active_users_count", args![ID, TIME, START, END, any("LookbackWindow").constant(), any("Period").constant(), any("ActivePeriodsCount").constant(), any("Bin").constant(), DIMENSION], "Ids of each bin that were active in enough periods of the time before.", "datatable(u: string, t: datetime)['ann', datetime(2026-01-02), 'ann', datetime(2026-01-03)] | evaluate active_users_count(u, t, datetime(2026-01-01), datetime(2026-01-07), 3d, 1d, 2, 7d)");
    ACTIVITY_COUNTS_METRICS = plugin("activity_counts_metrics", args![ID, TIME, START, END, any("Window").constant(), DIMENSION], "Rows, ids, new ids and all ids so far, for each bin.", "datatable(u: string, t: datetime)['ann', datetime(2026-01-01), 'bob', datetime(2026-01-02)] | evaluate activity_counts_metrics(u, t, datetime(2026-01-01), datetime(2026-01-02), 1d)");
    ACTIVITY_ENGAGEMENT = plugin("activity_engagement", args![ID, TIME, START, END, any("InnerActivityWindow").optional(), any("OuterActivityWindow").optional(), DIMENSION], "Ids of each bin beside those of the longer window that ends with it; Start and End may be left out.", "datatable(u: string, t: datetime)['ann', datetime(2026-01-01), 'bob', datetime(2026-01-02)] | evaluate activity_engagement(u, t, 1d, 7d)");
    ACTIVITY_METRICS = plugin("activity_metrics", args![ID, TIME, START, END.optional(), any("Window").optional(), DIMENSION], "Ids of each bin, those that are new since the bin before, and how many stayed or left; Start and End may be left out.", "datatable(u: string, t: datetime)['ann', datetime(2026-01-01), 'ann', datetime(2026-01-02)] | evaluate activity_metrics(u, t, datetime(2026-01-01), datetime(2026-01-02), 1d)");
    AUTOCLUSTER = plugin("autocluster", args![real("SizeWeight").optional().constant(), any("WeightColumn").optional(), long("NumSeeds").optional().constant(), any("CustomWildcard").optional().constant().repeats()], "A few patterns of values that many rows share; approximate.", "datatable(user: string, action: string)['ann', 'view', 'bob', 'view', 'ann', 'view'] | evaluate autocluster()");
    BAG_UNPACK = plugin("bag_unpack", args![any("column"), string("OutputColumnPrefix").optional().constant(), string("columnsConflict").optional().constant(), dynamic("ignoredProperties").optional().constant()], "A column for each property of the bags in a column.", "print b = dynamic({'a': 1, 'c': 'x'}) | evaluate bag_unpack(b)");
    BASKET = plugin("basket", args![real("Threshold").optional().constant(), any("WeightColumn").optional(), long("MaxDimensions").optional().constant(), any("CustomWildcard").optional().constant().repeats()], "Every pattern of values that so large a share of the rows has; approximate.", "datatable(user: string, action: string)['ann', 'view', 'bob', 'view', 'ann', 'view'] | evaluate basket(0.5)");
    DCOUNT_INTERSECT = plugin("dcount_intersect", args![dynamic("hll"), dynamic("hll").repeats()], "The values of the first sketch, of the first two together, and so on.", "range x from 1 to 9 step 1 | summarize a = hll(x), b = hll(x * 2) | evaluate dcount_intersect(a, b)");
    DIFFPATTERNS = plugin("diffpatterns", args![any("SplitColumn"), any("SplitValueA").constant(), any("SplitValueB").constant(), any("WeightColumn").optional(), real("Threshold").optional().constant(), long("MaxDimensions").optional().constant(), any("CustomWildcard").optional().constant().repeats()], "Patterns of values that tell two sets of rows apart; approximate.", "datatable(ok: bool, from: string)[true, 'office', true, 'office', false, 'abroad'] | evaluate diffpatterns(ok, 'true', 'false')");
    DIFFPATTERNS_TEXT = plugin("diffpatterns_text", args![any("TextColumn"), predicate("BooleanCondition"), long("MinTokens").optional().constant(), real("Threshold").optional().constant(), long("MaxTokens").optional().constant()], "Runs of words that tell two sets of texts apart; approximate.", "datatable(text: string, bad: bool)['disk is full', true, 'all is well', false] | evaluate diffpatterns_text(text, bad, 1, 0.1)");
    FUNNEL_SEQUENCE = plugin("funnel_sequence", args![ID, TIME, START, END, any("MaxSequenceStepWindow").constant(), any("Step").constant(), any("StateColumn"), dynamic("Sequence").constant()], "Ids that went through a sequence of states, by the states before and after it.", "datatable(u: string, t: datetime, s: string)['ann', datetime(2026-01-01), 'in', 'ann', datetime(2026-01-02), 'out'] | evaluate funnel_sequence(u, t, datetime(2026-01-01), datetime(2026-01-07), 1d, 7d, s, dynamic(['in']))");
    FUNNEL_SEQUENCE_COMPLETION = plugin("funnel_sequence_completion", args![ID, TIME, START, END, any("Step").constant(), any("StateColumn"), dynamic("Sequence").constant(), dynamic("MaxSequenceWindows").constant()], "Ids that came as far as each state of a sequence, within each of several periods.", "datatable(u: string, t: datetime, s: string)['ann', datetime(2026-01-01), 'in', 'ann', datetime(2026-01-02), 'out'] | evaluate funnel_sequence_completion(u, t, datetime(2026-01-01), datetime(2026-01-07), 7d, s, dynamic(['in', 'out']), dynamic([1h, 2d]))");
    IDENTITY = plugin("identity", args![], "The table as it is.", "print x = 1 | evaluate identity()");
    IPV4_LOOKUP = plugin("ipv4_lookup", args![any("LookupTable"), any("SourceIPv4Key"), any("IPv4LookupKey"), any("ExtraKey or return_unmatched").optional().repeats()], "Rows beside those of a table in whose ranges their addresses are.", "print ip = '10.1.2.3' | evaluate ipv4_lookup((datatable(net: string, site: string)['10.0.0.0/8', 'office']), ip, net)");
    IPV6_LOOKUP = plugin("ipv6_lookup", args![any("LookupTable"), any("SourceIPv6Key"), any("IPv6LookupKey"), any("ExtraKey or return_unmatched").optional().repeats()], "Rows beside those of a table in whose ranges their IPv6 or IPv4 addresses are.", "print ip = '2001:db8::7' | evaluate ipv6_lookup((datatable(net: string, site: string)['2001:db8::/32', 'office']), ip, net)");
    NARROW = plugin("narrow", args![], "A row a cell: the row's number, the column's name, the value as text.", "print a = 1, b = 'x' | evaluate narrow()");
    NEW_ACTIVITY_METRICS = plugin("new_activity_metrics", args![ID, TIME, START, END, any("Window").constant(), any("Cohort, Dimension or Lookback").optional().repeats()], "What became of the ids that were new in each bin, in each later one.", "datatable(u: string, t: datetime)['ann', datetime(2026-01-01), 'ann', datetime(2026-01-02)] | evaluate new_activity_metrics(u, t, datetime(2026-01-01), datetime(2026-01-02), 1d)");
    PIVOT = plugin("pivot", args![any("pivotColumn"), any("aggregate").optional(), any("column").optional().repeats()], "A column for each value of a column, with an aggregate of its rows in the cells.", "datatable(user: string, action: string)['ann', 'grant', 'bob', 'view'] | evaluate pivot(action)");
    PREVIEW = plugin("preview", args![any("NumberOfRows").constant()], "The first rows, and a second result with the number of all rows.", "range x from 1 to 9 step 1 | evaluate preview(3)");
    ROLLING_PERCENTILE = plugin("rolling_percentile", args![any("ValueColumn"), real("Percentile").constant(), any("IndexColumn"), any("BinSize").constant(), any("BinsPerWindow").constant(), DIMENSION], "A percentile of the values in the last bins, for each bin.", "range x from 1 to 9 step 1 | extend v = x * x | evaluate rolling_percentile(v, 50, x, 1, 3)");
    ROWS_NEAR = plugin("rows_near", args![predicate("Condition"), any("NumRows").constant(), any("RowsAfter").constant().optional()], "The rows around those for which a condition is true.", "range x from 1 to 9 step 1 | evaluate rows_near(x == 5, 1)");
    SCHEMA_MERGE = plugin("schema_merge", args![any("PreserveOrder").constant().optional()], "Several schemas, as getschema gives them, as one.", "union (print a = 1 | getschema), (print a = 1.5 | getschema) | evaluate schema_merge()");
    SEQUENCE_DETECT = plugin("sequence_detect", args![TIME, any("MaxSequenceStepWindow").constant(), any("MaxSequenceSpan").constant(), any("Step or Dimension").repeats()], "Each way in which rows take the steps of a sequence, one after the other and near enough.", "datatable(t: datetime, s: string)[datetime(2026-01-01), 'in', datetime(2026-01-02), 'out'] | evaluate sequence_detect(t, 1d, 7d, first = (s == 'in'), last = (s == 'out'))");
    SESSION_COUNT = plugin("session_count", args![ID, TIME, START, END, any("Bin").constant(), any("LookBackWindow").constant(), DIMENSION], "Sessions in each bin: one ends where its id is not seen for longer than the lookback.", "datatable(u: string, t: long)['ann', 1, 'ann', 2, 'ann', 9] | evaluate session_count(u, t, 0, 10, 5, 3)");
    SLIDING_WINDOW_COUNTS = plugin("sliding_window_counts", args![ID, TIME, START, END, any("LookbackWindow").constant(), any("Bin").constant(), DIMENSION], "Rows and ids of the window that ends with each bin.", "datatable(u: string, t: datetime)['ann', datetime(2026-01-01), 'bob', datetime(2026-01-02)] | evaluate sliding_window_counts(u, t, datetime(2026-01-01), datetime(2026-01-03), 2d, 1d)");
}
