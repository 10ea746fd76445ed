SELECT min(timestamp) AS first_seen, max(timestamp) AS last_seen, "user.uuid", "user.email", "client.ip_address", "client.app_name",
    count(DISTINCT item_uuid) AS items, list(DISTINCT vault_uuid)[1:50], list(DISTINCT uuid_s)[1:100]
FROM ev
WHERE timestamp BETWEEN now_() - days(30) AND now_() AND feed = 'itemusages' AND action = 'export'
GROUP BY "user.uuid", "user.email", "client.ip_address", "client.app_name", timestamp - timestamp % minutes(10)
HAVING items >= 10
ORDER BY first_seen DESC
