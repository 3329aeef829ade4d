// Keeps the page up to date: told of changes by the simulator, and looking by itself now and then in case it was not.

const LOOK_MS = 4000;

// `look` fetches and shows. Of many calls at once the last is done after the one under way; the rest are the same.
export function live(look) {
  let running = null;
  let again = null;
  const refresh = () => {
    if (!running) {
      running = look().finally(() => (running = null));
      return running;
    }
    again ??= running.then(() => {
      again = null;
      return refresh();
    });
    return again;
  };
  const ticks = new EventSource("/ticks");
  ticks.onmessage = () => refresh();
  setInterval(() => refresh(), LOOK_MS);
  addEventListener("pagehide", () => ticks.close());
  return refresh;
}
