// The clock that Ray's pages see.
//
// What never ended is shown by Ray with a duration up to `new Date()`. Of a dead session, that is its last
// event, so `new Date()` stands still there. `Date.now()` goes on: Ray and its libraries measure with it how old a
// page's data are, when to ask again and what to do once instead of often.
const RealDate = Date;
let standsAt; // milliseconds, or undefined while the clock goes

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
  // Without a single event there is no last one, and the server says 1970 or nothing.
  standsAt = state !== "live" && at > 0 ? at : undefined;
  return at > 0;
}
