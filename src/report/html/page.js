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
  document.querySelectorAll('[data-path]').forEach(function (row) {
    row.addEventListener('click', function () {
      var same = document.body.dataset.at === row.dataset.path;
      if (same) { delete document.body.dataset.at; } else { document.body.dataset.at = row.dataset.path; }
    });
  });
})();
