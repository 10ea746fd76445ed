SELECT bin AS "TimeGenerated", account.uuid AS account, feed, status, polls, items, bytes, millis, slowest, last, error
FROM poll JOIN account ON account.id = poll.account
