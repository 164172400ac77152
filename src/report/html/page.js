(function () {
  var folds = document.querySelectorAll('details'), shut = [];
  addEventListener('beforeprint', function () {
    shut = Array.from(folds).filter(function (fold) { return !fold.open; });
    shut.forEach(function (fold) { fold.open = true; });
  });
  addEventListener('afterprint', function () {
    shut.forEach(function (fold) { fold.open = false; });
  });
  function reveal() {
    var target = document.getElementById(location.hash.slice(1));
    var fold = target ? target.closest('details') : null;
    if (fold) { fold.open = true; target.scrollIntoView(); }
  }
  addEventListener('hashchange', reveal);
  reveal();
  // A path that is pointed at stands out in every chart; one that is pressed stays so.
  var held;
  function placeOf(event) {
    var found = event.target.closest ? event.target.closest('[data-path], g[class^="path-"]') : null;
    return found ? found.getAttribute('data-path') || found.getAttribute('class').slice(5) : undefined;
  }
  function show(place) {
    if (place === undefined) { delete document.body.dataset.at; } else { document.body.dataset.at = place; }
  }
  function hold(event) {
    var place = placeOf(event);
    if (place !== undefined) { held = held === place ? undefined : place; show(held); }
  }
  addEventListener('pointerover', function (event) {
    var place = placeOf(event);
    if (event.pointerType === 'mouse') { show(place === undefined ? held : place); }
  });
  addEventListener('click', hold);
  addEventListener('keydown', function (event) { if (event.key === 'Enter') { hold(event); } });
})();
