SELECT began AS "TimeGenerated", account.uuid AS account, feed, first, last, pages, events, late, ended
FROM sweep JOIN account ON account.id = sweep.account
WHERE first < last
