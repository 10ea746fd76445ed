SELECT timestamp, actor_uuid, "actor_details.email", object_type, "session.ip", "location.country", "session.uuid", "session.device_uuid", uuid_s
FROM ev
WHERE timestamp BETWEEN now_() - days(30) AND now_() AND feed = 'auditevents' AND action = 'updatfw'
ORDER BY timestamp DESC
