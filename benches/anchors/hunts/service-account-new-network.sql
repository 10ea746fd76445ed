WITH usages AS (
    SELECT timestamp, "user.uuid" AS user_uuid, "user.email" AS user_email, "client.ip_address" AS client_ip, "location.country" AS country,
        item_uuid, vault_uuid, uuid_s
    FROM ev
    WHERE timestamp BETWEEN now_() - days(44) AND now_() AND feed = 'itemusages'
        AND ends_with(lower("user.email"), '@1passwordserviceaccounts.com') AND "client.ip_address" <> ''),
networks AS (
    SELECT user_uuid, user_email, client_ip, country, min(timestamp) AS first_seen, max(timestamp) AS last_seen, count(*) AS fetches,
        count(DISTINCT item_uuid) AS items, list(DISTINCT vault_uuid)[1:50] AS vault_uuids, list(DISTINCT uuid_s)[1:100] AS uuids
    FROM usages GROUP BY 1, 2, 3, 4),
known AS (SELECT user_uuid, min(timestamp) AS known_since FROM usages GROUP BY 1)
SELECT first_seen, last_seen, n.user_uuid, user_email, client_ip, country, fetches, items, vault_uuids, known_since, uuids
FROM networks n JOIN known k ON n.user_uuid = k.user_uuid
WHERE first_seen >= now_() - days(14) AND first_seen - known_since >= days(5)
ORDER BY first_seen DESC
