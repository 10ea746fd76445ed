SELECT arrived AS "TimeGenerated", account, feed, source, place, reason, arrivals, length(raw) AS bytes, raw
FROM quarantine
