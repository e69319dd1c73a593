// What the browser remembers between visits. Where it may not (a strict setting, a guest), the page works without.

export function remembered(key, storage = "localStorage") {
  try {
    return globalThis[storage].getItem(key);
  } catch {
    return null;
  }
}

// Whether it is remembered.
export function remember(key, value, storage = "localStorage") {
  try {
    globalThis[storage].setItem(key, value);
    return true;
  } catch {
    return false;
  }
}
