"""How pages and forms are answered: who looks, in which thread, with which cookies, and what is shown when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from registry_git.core.errors import Invalid, RegistryError
from registry_git.registry.waiting import Waiting
from registry_git.server.call import Call
from registry_git.server.endpoints import admit, list_fields, whole_body
from registry_git.server.guard import HEADERS, ROUTE, WHO
from registry_git.server.pages.assets import FOREVER, found
from registry_git.server.pages.awaiting import Awaiting
from registry_git.server.pages.collected import COLLECTIONS
from registry_git.server.pages.links import here, quoted
from registry_git.server.pages.moments import Past, require_present
from registry_git.server.pages.page import Go, Page, Posted, Shown, Wait
from registry_git.server.pages.render import Problem, Setting, render, render_alone
from registry_git.server.pages.sessions import Sessions
from registry_git.server.pages.visits import Visit, filled
from registry_git.server.permissions import Permission
from registry_git.server.problems import UNEXPECTED, Unauthenticated, problem, status_and_code
from registry_git.server.service import Service

_FIELDS = 1000  # of one form
Handler = Callable[[Request], Awaitable[Response]]


def include_pages(app: Starlette, service: Service) -> PageDoor:
    """Makes the application serve the pages; gives what also answers for paths that are none of theirs."""
    sessions = Sessions(service.settings.accounts, service.door, secure=service.settings.tls_cert is not None)
    door = PageDoor(service, sessions)
    shown = {one.path for collection in COLLECTIONS for one in collection.shown}
    for collection in COLLECTIONS:
        for one in collection.shown:
            _add(app, "GET", one.path, door.showing(one))
        for form in collection.posted:
            _add(app, "POST", form.path, door.posting(form))
            if form.path not in shown:
                _add(app, "GET", form.path, _back_to(form))
    _add(app, "POST", "/sign-in", door.signing_in)
    _add(app, "POST", "/sign-out", door.signing_out)
    _add(app, "GET", "/events", door.events)
    _add(app, "GET", "/static/{version}/{name}", _static)
    return door


def _add(app: Starlette, method: str, path: str, handler: Handler) -> None:
    async def serve(request: Request) -> Response:
        request.scope[ROUTE] = path
        return await handler(request)

    route = Route(path, serve, methods=[method])
    route.methods = {method}  # Starlette would add HEAD to GET
    app.router.routes.append(route)


class PageDoor:
    """Answers what browsers send."""

    def __init__(self, service: Service, sessions: Sessions) -> None:
        self._service = service
        self._sessions = sessions
        self._awaiting = Awaiting()

    def showing(self, shown: Shown) -> Handler:
        """What shows a page."""

        async def handle(request: Request) -> Response:
            visit = await self._visit(request)
            try:
                visit.require(shown.permission)
            except Unauthenticated:
                return _see("/sign-in?" + urlencode({"next": visit.here}))
            except RegistryError as error:
                return self._failed(visit, error)
            past = visit.moment(shown)
            pool = self._service.remembering if past else self._service.reading
            if shown.first is not None and not past:
                await self._wait(visit, shown)
            return await asyncio.get_running_loop().run_in_executor(pool, self._show, visit, shown)

        return handle

    def posting(self, form: Posted) -> Handler:
        """What does the work of a form."""

        async def handle(request: Request) -> Response:
            visit = await self._visit(request)
            try:
                typed = await self._typed(request)
                visit.require(form.permission)
                require_present(request.query_params.get("at", ""))
            except Unauthenticated:
                return _see("/sign-in?" + urlencode({"next": _page_of(form, request)}))
            except RegistryError as error:
                return self._failed(visit, error)
            pool = self._service.editing
            return await asyncio.get_running_loop().run_in_executor(pool, self._post, visit, form, typed)

        return handle

    async def signing_in(self, request: Request) -> Response:
        """Makes a session of a token."""
        visit = await self._visit(request)
        fields: dict[str, str] = {}
        try:
            fields = dict(await self._typed(request))
            self._sessions.require_proof(visit.visitor, fields.get("csrf", ""))
            request.scope[HEADERS] = {
                **request.scope[HEADERS],
                "authorization": f"Bearer {fields.get('token', '').strip()}",
            }
            identity = await admit(request, self._service, Permission.READ)
            assert identity is not None  # noqa: S101 - only PUBLIC has none
            cookie = self._sessions.sign_in(identity)
        except RegistryError as error:
            page = Page("sign_in.html", {"next": here(fields.get("next", "/"))})
            return self._rendered(replace(visit, identity=None, session=False), page, problem=_told(error))
        answer = _see(here(fields.get("next", "/")))
        answer.headers.append("set-cookie", cookie)
        answer.headers.append("set-cookie", self._sessions.saying(f"You are signed in as {identity.actor.name}."))
        return answer

    async def signing_out(self, request: Request) -> Response:
        """Ends a session."""
        visit = await self._visit(request)
        try:
            self._sessions.require_proof(visit.visitor, dict(await self._typed(request)).get("csrf", ""))
        except RegistryError as error:
            return self._failed(visit, error)
        answer = _see("/sign-in")
        answer.headers.append("set-cookie", self._sessions.sign_out())
        answer.headers.append("set-cookie", self._sessions.saying("You are signed out."))
        return answer

    async def events(self, request: Request) -> Response:
        """The stream that says when the registry moves."""
        visit = await self._visit(request)
        try:
            visit.require(Permission.READ)
        except RegistryError as error:
            status, body, headers = problem(error)
            return Response(body, status, headers, "application/json")
        if self._service.live.full:
            return Response(status_code=503, headers={"retry-after": "30"})
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._service.live.events(), headers=headers, media_type="text/event-stream")

    async def refused(self, request: Request, error: RegistryError, status: int) -> Response:
        """The page that says why there is none."""
        answer = self._failed(await self._visit(request), error)
        answer.status_code = status
        return answer

    async def _visit(self, request: Request) -> Visit:
        visitor = self._sessions.visitor(request.scope[HEADERS])
        identity = self._sessions.identity(visitor)
        session = identity is not None
        if identity is None:
            try:
                identity = await admit(request, self._service, Permission.READ)
            except RegistryError:
                identity = None
        if identity is not None:
            request.scope[WHO] = identity.actor.email
        return Visit(request, visitor, identity, session)

    async def _typed(self, request: Request) -> list[tuple[str, str]]:
        body = await whole_body(request, self._service.settings.body_bytes)
        try:
            typed = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
        except (ValueError, UnicodeDecodeError):
            raise Invalid("The form cannot be read.", hint="Send it from its page.") from None
        return [(name, value.replace("\r\n", "\n")) for name, value in typed]  # as browsers end lines

    async def _wait(self, visit: Visit, shown: Shown) -> None:
        """Waits for what a page shows from outside, as long as it wants to; then it shows what there is."""
        loop = asyncio.get_running_loop()
        wait = await loop.run_in_executor(self._service.reading, self._first, visit, shown)
        if wait is not None:
            await asyncio.wait([asyncio.wrap_future(wait.what)], timeout=wait.seconds)

    def _first(self, visit: Visit, shown: Shown) -> Wait | None:
        assert shown.first is not None  # noqa: S101 - it was looked at by `showing`
        try:
            with ExitStack() as handles:
                call = self._call(visit, handles, "", writes=False)
                return shown.first(call, filled(shown.takes, visit.values(shown.takes)))
        except Exception:
            return None  # the page fails of it too, and says so

    def _show(self, visit: Visit, shown: Shown) -> Response:
        past: Past | None = None
        try:
            at = visit.moment(shown)
            asked = filled(shown.takes, {**visit.values(shown.takes), "at": at})
            with ExitStack() as handles:
                call = self._call(visit, handles, at, writes=False)
                tag = self._service.state.tag()  # before anything is read, so that what is shown is never older
                if at:
                    try:
                        past = Past.of(at, self._service.past.view(at))
                    except RegistryError as error:
                        return self._failed(visit, error, template="moment.html")
                made = shown.run(call, asked)
                if isinstance(made, Go):
                    return _see(made.to)
                return self._rendered(visit, made, tag=tag, past=past, waiting=self._waiting(call, tag, past))
        except Exception as error:
            return self._failed(visit, error, past=past)

    def _waiting(self, call: Call, tag: str, past: Past | None) -> Waiting | None:
        """What waits for whoever looks; of nobody, and of the past, nothing is said."""
        return None if past or call.identity is None else self._awaiting.count(call.registry, tag)

    def _post(self, visit: Visit, form: Posted, typed: list[tuple[str, str]]) -> Response:
        values: dict[str, Any] = {}
        lists = list_fields(form.takes)
        for name, value in typed:
            if name in lists:
                values.setdefault(name, []).append(value)
            else:
                values[name] = value
        try:
            with ExitStack() as handles:
                call = self._call(visit, handles, "", writes=True)
                try:
                    self._sessions.require_proof(visit.visitor, str(values.get("csrf", "")))
                    gone = form.run(call, filled(form.takes, values | visit.values(form.takes)))
                except RegistryError as error:
                    tag = self._service.state.tag()
                    page = form.page.run(call, filled(form.page.takes, visit.values(form.page.takes)))
                    if isinstance(page, Go):
                        return _see(page.to)
                    waiting = self._waiting(call, tag, None)
                    problem = _told(error)
                    return self._rendered(visit, page, tag=tag, problem=problem, typed=dict(typed), waiting=waiting)
            answer = _see(gone.to)
            if gone.said:
                answer.headers.append("set-cookie", self._sessions.saying(gone.said))
            return answer
        except Exception as error:
            return self._failed(visit, error)

    def _call(self, visit: Visit, handles: ExitStack, at: str, *, writes: bool) -> Call:
        pool = self._service.editors if writes else self._service.readers
        return Call(
            service=self._service,
            identity=visit.identity,
            headers=visit.request.scope[HEADERS],
            _handle=None if at else handles.enter_context(pool.take()),
            _at=at,
        )

    def _rendered(
        self,
        visit: Visit,
        page: Page,
        *,
        tag: str = "",
        past: Past | None = None,
        problem: Problem | None = None,
        typed: Mapping[str, str] | None = None,
        waiting: Waiting | None = None,
    ) -> Response:
        setting = Setting(
            me=visit.identity,
            session=visit.session,
            here=visit.here,
            proof=self._sessions.proof(visit.visitor),
            tag=tag,
            past=past,
            said=visit.visitor.said,
            problem=problem,
            typed=typed or {},
            waiting=waiting,
        )
        html = render(page.template, page.values, setting)
        headers = {"cache-control": "private, no-cache", "vary": "Cookie, Authorization"}
        if problem:
            headers["hx-push-url"] = "false"  # the address of a form is none to come back to
        answer = Response(html, problem.status if problem else page.status, headers, "text/html")
        if visit.visitor.new:
            answer.headers.append("set-cookie", self._sessions.known(visit.visitor))
        if visit.visitor.said:
            answer.headers.append("set-cookie", self._sessions.saying(""))
        return answer

    def _failed(
        self, visit: Visit, error: Exception, *, past: Past | None = None, template: str = "error.html"
    ) -> Response:
        told = _told(error)
        if not isinstance(error, RegistryError):
            problem(error)  # which writes it into the log
        answer = self._rendered(visit, Page(template, {"error": told}, told.status), past=past)
        if told.status == 401:
            answer.headers["www-authenticate"] = 'Bearer realm="registry-git"'
        return answer


def refusal(error: RegistryError) -> str:
    """The page of somebody whose request was refused before anybody looked at who it is."""
    return render_alone("refused.html", error=_told(error))


def _told(error: Exception) -> Problem:
    """What a page says about an error."""
    status, _ = status_and_code(error)
    if not isinstance(error, RegistryError):
        return Problem(message=UNEXPECTED, hint="", status=status)
    return Problem(message=error.message, hint=error.hint or "", status=status)


def _page_of(form: Posted, request: Request) -> str:
    """The address of the page that a form is on."""
    return form.page.path.format(**{name: quoted(part) for name, part in request.path_params.items()})


def _back_to(form: Posted) -> Handler:
    """The address of a form, when somebody goes there by hand: its page."""

    async def handle(request: Request) -> Response:
        page = _page_of(form, request)
        at = request.query_params.get("at", "")
        return _see(f"{page}?{urlencode({'at': at})}" if at else page)

    return handle


async def _static(request: Request) -> Response:
    file = found(request.path_params["version"], request.path_params["name"])
    if file is None:
        return Response("There is no such file.", 404, media_type="text/plain")
    return Response(file[0], headers={"cache-control": FOREVER}, media_type=file[1])


def _see(address: str) -> Response:
    return Response(status_code=303, headers={"location": address, "cache-control": "no-store"})
