SELECT day * 864000000000 AS "TimeGenerated", account.uuid AS account, feed, rule, action, events, bytes
FROM suppressed JOIN account ON account.id = suppressed.account
