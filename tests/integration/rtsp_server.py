"""A real RTSP server of a folder's JPEG pictures, for the system's Python with GStreamer.

rtsp_server.py FOLDER WIDTH HEIGHT FPS PORT; prints the port once it listens (0: any free one).
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main(folder: str, width: str, height: str, fps: str, port: str) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( multifilesrc location="{folder}/%04d.jpg" loop=true '
        f"caps=image/jpeg,width={width},height={height},framerate={fps}/1 "
        f"! jpegdec ! videorate ! identity sync=true ! jpegenc quality=90 ! rtpjpegpay name=pay0 )"
    )
    factory.set_shared(True)
    server.get_mount_points().add_factory("/face", factory)
    if server.attach(None) == 0:
        raise SystemExit(f"port {port} cannot be used")
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


main(*sys.argv[1:])
