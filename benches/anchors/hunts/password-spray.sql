WITH attempts AS (
    SELECT timestamp, uuid_s, country, "target_user.uuid" AS user_uuid, "target_user.email" AS user_email, "client.ip_address" AS client_ip,
        category IN ('success', 'firewall_reported_success') AS succeeded
    FROM ev WHERE timestamp BETWEEN now_() - days(30) AND now_() AND feed = 'signinattempts' AND "client.ip_address" <> ''),
failed AS (
    SELECT client_ip, country, timestamp - timestamp % hours(1) AS hour, count(DISTINCT user_uuid) AS accounts, count(*) AS failures,
        min(timestamp) AS first_seen, max(timestamp) AS last_seen, list(DISTINCT user_email)[1:100] AS targets, list(DISTINCT uuid_s)[1:100] AS uuids
    FROM attempts WHERE NOT succeeded GROUP BY 1, 2, 3
    HAVING accounts >= 5 AND failures >= 15 AND failures <= accounts * 6),
successes AS (SELECT client_ip, timestamp - timestamp % hours(1) AS hour, count(*) AS successes FROM attempts WHERE succeeded GROUP BY 1, 2)
SELECT first_seen, last_seen, f.client_ip, country, accounts, failures, coalesce(successes, 0) AS successes, targets, uuids
FROM failed f LEFT JOIN successes s ON f.client_ip = s.client_ip AND f.hour = s.hour
WHERE coalesce(successes, 0) * 4 < failures
ORDER BY first_seen DESC
