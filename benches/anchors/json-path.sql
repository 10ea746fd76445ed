SELECT raw->>'$.client.os_name' AS os, count(*) AS n FROM ev WHERE timestamp >= now_() - days(7) GROUP BY 1 ORDER BY n DESC
