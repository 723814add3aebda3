// A curve of affect as live_canvas.py tells it: {name, seconds, keyframes: [[s, valence, arousal, dominance|null]]}.

// {valence, arousal, dominance} at `time` in seconds: linear between keyframes, held before and after them.
function affectAt({ keyframes }, time) {
  let after = keyframes.findIndex(([at]) => at > time);
  if (after < 0) after = keyframes.length;
  const start = keyframes[Math.max(after - 1, 0)], end = keyframes[Math.min(after, keyframes.length - 1)];
  const part = end[0] > start[0] ? Math.min(1, Math.max(0, (time - start[0]) / (end[0] - start[0]))) : 0;
  const between = (i) => (start[i] === null ? null : start[i] + part * (end[i] - start[i]));
  return { valence: between(1), arousal: between(2), dominance: between(3) };
}

// Plays a curve in time: `moved(affect, seconds)` on every frame of the page, `rests()` when it ends. Stands still
// while the page is not looked at.
function curvePlayer(moved, rests) {
  let curve = null, place = 0, last = 0, playing = 0, loops = true;

  function tick(now) {
    place += Math.min(0.1, (now - last) / 1000); // after a pause of the page it goes on where it was
    last = now;
    if (place >= curve.seconds) {
      if (!loops || curve.seconds === 0) {
        place = curve.seconds;
        playing = 0;
        moved(affectAt(curve, place), place);
        return rests();
      }
      place %= curve.seconds;
    }
    moved(affectAt(curve, place), place);
    playing = requestAnimationFrame(tick);
  }

  const player = {
    load(next) {
      player.pause();
      [curve, place] = [next, 0];
    },
    play() {
      if (!curve || playing) return;
      if (place >= curve.seconds) place = 0;
      last = performance.now();
      playing = requestAnimationFrame(tick);
    },
    pause() {
      cancelAnimationFrame(playing);
      playing = 0;
    },
    seek(seconds) {
      place = seconds;
      moved(affectAt(curve, place), place);
    },
    loop(on) { loops = on; },
    get playing() { return Boolean(playing); },
    get curve() { return curve; },
  };
  return player;
}
