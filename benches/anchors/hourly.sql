SELECT timestamp - timestamp % hours(1) AS hour, count(*) FROM ev
WHERE timestamp >= now_() - days(1) GROUP BY 1 ORDER BY 1
