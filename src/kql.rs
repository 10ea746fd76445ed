//! Floor 2: the Kusto query language: lexer, syntax, parser, binder, plan. No I/O and no data.
