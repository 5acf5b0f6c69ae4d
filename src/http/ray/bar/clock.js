// Replaces the clock of Ray's pages.
//
// Ray shows a duration up to `new Date()` for everything without an end. For a dead session, `new Date()` therefore
// stays at the last event. `Date.now()` goes on, because Ray and its libraries use it for the age of data, polling
// intervals and debouncing.
const RealDate = Date;
let standsAt; // milliseconds, or undefined while the clock runs

const PageDate = new Proxy(RealDate, {
  construct(target, given, made) {
    return Reflect.construct(target, given.length || standsAt === undefined ? given : [standsAt], made);
  },
  apply(target, self, given) {
    return standsAt === undefined ? Reflect.apply(target, self, given) : new RealDate(standsAt).toString();
  },
});
RealDate.prototype.constructor = PageDate;
window.Date = PageDate;

function setClock(state, asOf) {
  const at = RealDate.parse(asOf ?? "");
  // Without events there is no last one, and the server sends 1970 or nothing.
  standsAt = state !== "live" && at > 0 ? at : undefined;
  return at > 0;
}
