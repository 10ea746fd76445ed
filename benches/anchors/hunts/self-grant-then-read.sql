WITH grants AS (
    SELECT timestamp AS granted, actor_uuid AS user_uuid, "actor_details.email" AS user_email, object_uuid AS vault_uuid, uuid_s AS grant_uuid
    FROM ev
    WHERE timestamp BETWEEN now_() - days(30) AND now_() AND feed = 'auditevents' AND object_type = 'uva' AND action IN ('grant', 'update')
        AND actor_uuid <> '' AND actor_uuid = aux_uuid),
reads AS (
    SELECT timestamp AS read, "user.uuid" AS user_uuid, vault_uuid, item_uuid, action, "client.ip_address" AS client_ip, uuid_s
    FROM ev
    WHERE timestamp BETWEEN now_() - days(30) AND now_() + hours(1) AND feed = 'itemusages'
        AND action IN ('reveal', 'secure-copy', 'fill', 'export', 'server-fetch'))
SELECT granted, min(read), max(read), g.user_uuid, user_email, g.vault_uuid, count(DISTINCT item_uuid), list(DISTINCT action)[1:20],
    list(DISTINCT client_ip)[1:20], grant_uuid, list(DISTINCT uuid_s)[1:100]
FROM grants g JOIN reads r ON g.user_uuid = r.user_uuid AND g.vault_uuid = r.vault_uuid AND read BETWEEN granted AND granted + hours(1)
GROUP BY granted, g.user_uuid, user_email, g.vault_uuid, grant_uuid
ORDER BY granted DESC
