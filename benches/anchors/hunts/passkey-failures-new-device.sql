WITH signins AS (
    SELECT timestamp, uuid_s, category, action_type, country, "target_user.uuid" AS user_uuid, "target_user.email" AS user_email,
        "client.ip_address" AS client_ip, "client.platform_name" AS platform, "client.os_name" AS os, "client.app_name" AS app_name
    FROM ev WHERE timestamp BETWEEN now_() - days(44) AND now_() AND feed = 'signinattempts'),
known AS (
    SELECT user_uuid, platform, os, app_name, min(timestamp) AS known_since FROM signins
    WHERE category IN ('success', 'firewall_reported_success') GROUP BY ALL),
failed AS (
    SELECT user_uuid, user_email, client_ip, country, platform, os, app_name, count(*) AS failures, min(timestamp) AS first_seen,
        max(timestamp) AS last_seen, list(DISTINCT uuid_s)[1:100] AS uuids
    FROM signins
    WHERE timestamp >= now_() - days(14) AND action_type IN ('platform_secret_bad', 'platform_secret_disabled', 'platform_secret_proxy')
    GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING failures >= 3)
SELECT first_seen, last_seen, f.user_uuid, user_email, client_ip, country, f.platform, f.os, f.app_name, failures, uuids
FROM failed f LEFT JOIN known k ON f.user_uuid = k.user_uuid AND f.platform = k.platform AND f.os = k.os AND f.app_name = k.app_name
WHERE known_since IS NULL OR known_since > first_seen
ORDER BY first_seen DESC
