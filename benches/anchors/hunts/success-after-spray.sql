WITH attempts AS (
    SELECT timestamp, uuid_s, country, action_type, "target_user.uuid" AS user_uuid, "target_user.email" AS user_email,
        "client.ip_address" AS client_ip, category IN ('success', 'firewall_reported_success') AS succeeded
    FROM ev WHERE timestamp BETWEEN now_() - days(30) AND now_() AND feed = 'signinattempts' AND "client.ip_address" <> ''),
sprays AS (
    SELECT client_ip, timestamp - timestamp % hours(1) AS hour, count(DISTINCT user_uuid) AS accounts,
        count(*) FILTER (NOT succeeded) AS failures, count(*) FILTER (succeeded) AS successes, min(timestamp) AS spray_started
    FROM attempts GROUP BY 1, 2 HAVING accounts >= 5 AND failures >= 15 AND successes * 4 < failures)
SELECT timestamp, user_uuid, user_email, a.client_ip, country, action_type, spray_started, accounts, failures, uuid_s
FROM attempts a JOIN sprays s ON a.client_ip = s.client_ip AND timestamp BETWEEN spray_started AND spray_started + hours(3)
WHERE succeeded
ORDER BY timestamp DESC
