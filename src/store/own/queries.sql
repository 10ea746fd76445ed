SELECT at AS "TimeGenerated", who, text, params AS parameters, engine, rows, millis, error
FROM query
