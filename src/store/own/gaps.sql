SELECT noticed AS "TimeGenerated", account, feed, first, last, why, closed, closed IS NULL AS open
FROM gap
