"""What media players open: `/stereo.mjpeg` and `/stereo.mp4`, both eyes of what is shown in one picture."""

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from vergence.errors import SettingsError
from vergence.server.eyes import LAYOUTS, Eyes, Listener, Picture
from vergence.server.fragments import Mp4Stream
from vergence.server.rgbd import packed_colour

PATHS = ("stereo.mjpeg", "stereo.mp4")
JPEG = 85
BOUNDARY = "vergence-picture"
WAIT = 0.5  # s between looks at whether the player is still there
SAME_AGAIN = 2.0  # s after which a still is sent once more: players give up on silence


def player_routes(eyes: Eyes, *, is_known: Callable[[Request], bool], is_over: Callable[[], bool]) -> list[Route]:
    """The routes.

    Args:
        eyes: makes the pictures.
        is_known: whether a request brings the token, also as `?token=`: players keep no cookies.
        is_over: whether the server is about to stop.
    """

    async def answer(request: Request) -> Response:
        if not is_known(request):
            return PlainTextResponse("needed is the token: add ?token=... to the address", 403)
        is_film = request.url.path.endswith(".mp4")
        kind = "video/mp4" if is_film else f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        try:
            listener = eyes.listen(request.query_params.get("layout", LAYOUTS[0]))
        except SettingsError as error:
            return PlainTextResponse(str(error), 503 if "already" in str(error) else 400)
        if request.method == "HEAD":
            listener.close()
            return Response(media_type=kind)
        made = _film(listener, is_over) if is_film else _pictures(listener, is_over)
        return StreamingResponse(made, media_type=kind, headers={"Cache-Control": "no-store"})

    return [Route(f"/{path}", answer) for path in PATHS]


async def _pictures(listener: Listener, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    with listener:
        yield f"--{BOUNDARY}\r\n".encode()
        async for picture in _shown(listener, is_over):
            data = await asyncio.to_thread(packed_colour, picture.rgb, JPEG)
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            # The next boundary at once: some players show a picture only when they see its end.
            yield head.encode() + data + f"\r\n--{BOUNDARY}\r\n".encode()


async def _film(listener: Listener, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    stream = Mp4Stream(listener.layout)
    with listener:
        try:
            async for picture in _shown(listener, is_over):
                if data := await asyncio.to_thread(stream.fragment, picture):
                    yield data
        finally:
            stream.close()


async def _shown(listener: Listener, is_over: Callable[[], bool]) -> AsyncIterator[Picture]:
    """The newest picture, again and again; the last one once more where none comes."""
    last, silence = None, 0.0
    while not is_over():
        found = await asyncio.to_thread(listener.pictures.take, WAIT)
        silence = 0.0 if found is not None else silence + WAIT
        if found is None and last is not None and silence >= SAME_AGAIN:
            found = Picture(last.rgb, last.time_us + round(silence * 1e6))
            silence = 0.0
        if found is not None:
            last = found
            yield found
