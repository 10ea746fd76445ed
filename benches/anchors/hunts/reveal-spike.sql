WITH hourly AS (
    SELECT "user.uuid" AS user_uuid, "user.email" AS user_email, timestamp - timestamp % hours(1) AS hour, count(DISTINCT item_uuid) AS items,
        count(*) FILTER (action IN ('reveal', 'secure-copy')) AS reveals, min(timestamp) AS first_seen, max(timestamp) AS last_seen,
        list(DISTINCT "client.ip_address")[1:20] AS client_ips, list(DISTINCT vault_uuid)[1:50] AS vault_uuids, list(DISTINCT uuid_s)[1:100] AS uuids
    FROM ev
    WHERE timestamp BETWEEN now_() - days(44) AND now_() AND feed = 'itemusages'
        AND action IN ('reveal', 'secure-copy', 'fill', 'export', 'server-fetch', 'other')
        AND NOT ends_with(lower("user.email"), '@1passwordserviceaccounts.com')
    GROUP BY 1, 2, 3),
tested AS (SELECT * FROM hourly WHERE hour >= now_() - days(14) AND items >= 20),
usual AS (
    SELECT t.user_uuid, t.hour AS tested_hour, max(h.items) AS busiest_before
    FROM tested t JOIN hourly h ON t.user_uuid = h.user_uuid AND h.hour < t.hour AND h.hour >= t.hour - days(30)
    GROUP BY 1, 2)
SELECT first_seen, last_seen, t.user_uuid, user_email, items, reveals, coalesce(busiest_before, 0) AS busiest_before, client_ips, vault_uuids, uuids
FROM tested t LEFT JOIN usual u ON t.user_uuid = u.user_uuid AND t.hour = u.tested_hour
WHERE items > 3 * coalesce(busiest_before, 0)
ORDER BY items DESC
