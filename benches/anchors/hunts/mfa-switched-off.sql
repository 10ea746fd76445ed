SELECT timestamp, actor_uuid, "actor_details.email", action, "session.ip", "location.country", "session.uuid", "session.device_uuid", uuid_s
FROM ev
WHERE timestamp BETWEEN now_() - days(30) AND now_() AND feed = 'auditevents' AND action IN ('disblmfa', 'disblduo') AND object_type = 'account'
ORDER BY timestamp DESC
