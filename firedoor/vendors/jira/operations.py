"""The one table of Jira calls that Firedoor makes, below ``/rest/api/3`` (Cloud) or ``/rest/api/2`` (Data Center).

Names are the operation ids of Jira Cloud's specification, permissions the keys of Jira's project and global permissions. Only the search
differs: Cloud's is another call, whose index may lag.
"""

from __future__ import annotations

from typing import Final

from firedoor.vendors.access import Operation
from firedoor.vendors.http import Body, HttpOperation

BROWSE: Final = "BROWSE_PROJECTS"

GET_CURRENT_USER: Final = HttpOperation(name="getCurrentUser", method="GET", path="/myself", permission="", writes=False)
# What the account itself may do in a project, of the permissions that are asked about.
GET_MY_PERMISSIONS: Final = HttpOperation(name="getMyPermissions", method="GET", path="/mypermissions", permission="", writes=False)
# Levels are listed only to who may set them: an empty list is also how Jira says "you may not".
GET_LEVELS: Final = HttpOperation(
    name="getSecurityLevelsForProject",
    method="GET",
    path="/project/{projectKeyOrId}/securitylevel",
    permission="SET_ISSUE_SECURITY",
    writes=False,
)
FIND_USERS: Final = HttpOperation(name="findUsers", method="GET", path="/user/search", permission="USER_PICKER", writes=False)
FIND_READERS: Final = HttpOperation(
    name="findUsersWithAllPermissions", method="GET", path="/user/permission/search", permission="ADMINISTER_PROJECTS", writes=False
)
SEARCH_CLOUD: Final = HttpOperation(
    name="searchAndReconsileIssuesUsingJql", method="GET", path="/search/jql", permission=BROWSE, writes=False
)
SEARCH_DATA_CENTER: Final = HttpOperation(name="search", method="GET", path="/search", permission=BROWSE, writes=False)
GET_ISSUE: Final = HttpOperation(name="getIssue", method="GET", path="/issue/{issueIdOrKey}", permission=BROWSE, writes=False)
CREATE_ISSUE: Final = HttpOperation(
    name="createIssue",
    method="POST",
    path="/issue",
    body=Body.JSON,
    permission="CREATE_ISSUES",
    writes=True,
    idempotent=False,
    refusals=("400 security", "400 issuetype", "400 project", "422 message"),
)
ADD_ATTACHMENT: Final = HttpOperation(
    name="addAttachment",
    method="POST",
    path="/issue/{issueIdOrKey}/attachments",
    body=Body.FILE,
    permission="CREATE_ATTACHMENTS",
    writes=True,
    idempotent=False,
    refusals=("404 message", "413 message"),
)
# Not Jira's, but this room's: the ticket on paper, where Jira is not the place for it. A client that only reads must not write it either.
WRITE_FILE: Final = Operation(name="writeLocalTicket", permission="", writes=True)

HTTP_OPERATIONS: Final = (
    GET_CURRENT_USER,
    GET_MY_PERMISSIONS,
    GET_LEVELS,
    FIND_USERS,
    FIND_READERS,
    SEARCH_CLOUD,
    SEARCH_DATA_CENTER,
    GET_ISSUE,
    CREATE_ISSUE,
    ADD_ATTACHMENT,
)
OPERATIONS: Final[tuple[Operation, ...]] = (*HTTP_OPERATIONS, WRITE_FILE)
