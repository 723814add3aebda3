// The WebSocket of the live room, see live_server.py: opened with a ticket, opened again when it was lost.

const QUIET = 4001, FULL = 4003; // why the server hung up: nobody moved; too many pages
const SOONEST = 500, LATEST = 15_000; // ms until the next attempt

// `ticket()` promises a ticket; `opened()` is called whenever there is a new connection, `lost(line)` when it ended.
function liveSocket({ ticket, opened, lost }) {
  const handlers = new Map(); // by kind, or by tag: what to do with a message
  let everOpen = false, waiting = false; // for the next attempt
  let socket = null, opening = false, wait = SOONEST, retry = 0, closed = false, last = null;

  async function open() {
    clearTimeout(retry);
    waiting = false;
    if (closed || opening || socket) return;
    opening = true;
    last = null;
    try {
      const address = new URL("live/socket", document.baseURI.replace(/\?.*|#.*/, ""));
      address.protocol = address.protocol.replace("http", "ws");
      const word = await ticket();
      if (!word) throw new Error("no ticket");
      address.search = new URLSearchParams({ ticket: word });
      if (closed) return;
      socket = new WebSocket(address);
    } catch { // the server is away
      return ended(0);
    } finally {
      opening = false;
    }
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      wait = SOONEST;
      everOpen = true;
      opened();
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") {
        const message = JSON.parse(data);
        if (message.kind === "bye") last = message;
        handlers.get(message.kind)?.(message);
      } else handlers.get(new Uint8Array(data, 0, 1)[0])?.(data);
    });
    socket.addEventListener("close", () => {
      socket = null;
      ended(last?.code ?? 0);
    });
  }

  function ended(code) {
    if (closed) return;
    const never = "The live connection could not be opened: a proxy may hold back WebSockets at live/socket";
    lost(last?.line ?? (everOpen ? "The connection is lost" : never), code);
    if (code === QUIET) return; // until somebody moves
    if (code === FULL) wait = LATEST;
    waiting = true;
    retry = setTimeout(open, wait);
    wait = Math.min(LATEST, 2 * wait);
  }

  const isOpen = () => socket?.readyState === WebSocket.OPEN;
  return {
    open,
    get isOpen() { return isOpen(); },
    // Say or send, if there is a connection; otherwise it opens one, and `opened` says what matters.
    send(kind, payload = {}) {
      if (isOpen()) socket.send(JSON.stringify({ kind, ...payload }));
      else if (!waiting) open();
    },
    sendBinary(tag, buffer) {
      if (!isOpen()) return waiting ? undefined : open();
      const message = new Uint8Array(1 + buffer.byteLength);
      message[0] = tag;
      message.set(new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength), 1);
      socket.send(message);
    },
    on: (kind, handler) => handlers.set(kind, handler),
    drop: () => socket?.close(), // to be opened again
    close() {
      closed = true;
      clearTimeout(retry);
      socket?.close();
    },
  };
}
