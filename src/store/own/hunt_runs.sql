SELECT at AS "TimeGenerated", hunt, through, rows, millis, error
FROM hunt_run
