SELECT "location.country" AS country, count(DISTINCT "client.ip_address") AS d FROM ev GROUP BY 1 ORDER BY d DESC
