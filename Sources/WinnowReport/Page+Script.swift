extension Page {
    /// Sorts and filters tables, tells points of plots by pointer and keys, and changes between light and dark.
    static let script = #"""
        'use strict';
        {
        const all = (selector, root = document) => [...root.querySelectorAll(selector)];
        const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);
        const count = (number, word) => `${number} ${word}${number === 1 ? '' : 's'}`;

        // Light and dark.
        const root = document.documentElement, dark = matchMedia('(prefers-color-scheme: dark)');
        const theme = make('button', { type: 'button', className: 'theme' });
        const isDark = () => (root.dataset.theme ?? (dark.matches ? 'dark' : 'light')) === 'dark';
        const name = () => { theme.textContent = isDark() ? 'Light' : 'Dark'; };
        theme.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; name(); });
        dark.addEventListener('change', name);
        name();
        document.querySelector('header').prepend(theme);

        // Tables.
        for (const table of all('table')) {
          const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
          if (rows.length < 2) continue;
          const key = (row, column) => {
            const cell = row.cells[column];
            return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
          };
          // Numbers before words, what is missing last either way.
          const compare = (a, b, sign) => {
            const lacks = (x) => x === '' || x === '–';
            if (lacks(a) || lacks(b)) return lacks(a) - lacks(b);
            if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
            return sign * (typeof a === 'number' ? a - b : a.localeCompare(b, undefined, { numeric: true }));
          };
          heads.forEach((head, column) => {
            const button = make('button', { type: 'button', textContent: head.textContent });
            head.replaceChildren(button);
            button.addEventListener('click', () => {
              const order = head.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending';
              for (const other of heads) other.removeAttribute('aria-sort');
              head.setAttribute('aria-sort', order);
              const sign = order === 'ascending' ? 1 : -1;
              body.append(...[...rows].sort((a, b) => compare(key(a, column), key(b, column), sign)));
            });
          });
          if (rows.length < 8) continue;
          const input = make('input', { type: 'search' }), label = make('label', { textContent: 'Filter ' });
          const shown = make('span', { className: 'soft' }), tools = make('div', { className: 'tools' });
          shown.setAttribute('role', 'status');
          const texts = rows.map((row) => row.textContent.toLowerCase());
          const filter = () => {
            const words = input.value.toLowerCase().split(/\s+/);
            rows.forEach((row, index) => { row.hidden = !words.every((word) => texts[index].includes(word)); });
            shown.textContent = input.value ? `${rows.filter((row) => !row.hidden).length} of ${count(rows.length, 'row')}` : '';
          };
          input.addEventListener('input', filter);
          label.append(input);
          tools.append(label, shown);
          table.closest('.scroll').before(tools);
        }

        // The list of nodes: all of it at once, or folded as it was.
        for (const list of all('.graph')) {
          const parts = all('details', list), folded = parts.filter((part) => !part.open);
          if (!folded.length) continue;
          const button = make('button', { type: 'button', textContent: 'Unfold all' }), tools = make('div', { className: 'tools' });
          button.addEventListener('click', () => {
            const opens = folded.some((part) => !part.open);
            for (const part of folded) part.open = opens;
          });
          const say = () => { button.textContent = folded.some((part) => !part.open) ? 'Unfold all' : 'Fold again'; };
          for (const part of folded) part.addEventListener('toggle', say);
          tools.append(button);
          list.before(tools);
        }

        // Plots: what a mark stands for is said beside it.
        const tip = make('div', { id: 'tip' });
        tip.setAttribute('role', 'status');
        document.querySelector('main').append(tip);
        let marked = null;
        const hide = () => { tip.textContent = ''; marked?.classList.remove('marked'); marked = null; };
        const show = (mark) => {
          if (mark === marked) return;
          hide();
          marked = mark;
          mark.classList.add('marked');
          tip.textContent = mark.dataset.tip;
          const box = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
          const left = Math.min(Math.max(4, box.x + box.width / 2 - own.width / 2), root.clientWidth - own.width - 4);
          tip.style.left = `${left + scrollX}px`;
          tip.style.top = `${(box.y < own.height + 8 ? box.bottom + 6 : box.y - own.height - 6) + scrollY}px`;
        };
        for (const bars of all('svg.bars')) {
          const counts = bars.dataset.counts.split(' ').map(Number), low = Number(bars.dataset.low), high = Number(bars.dataset.high);
          const bound = (place) => Number((low + (high - low) * place / counts.length).toPrecision(4));
          all('rect', bars).forEach((bar, place) => {
            bar.dataset.tip = `${bound(place)} to ${bound(place + 1)}: ${count(counts[place], 'value')}`;
          });
        }
        for (const plot of all('svg')) {
          const marks = all('circle, rect', plot).filter((mark) => mark.dataset.tip || mark.querySelector('title'));
          for (const mark of marks) {
            const title = mark.querySelector('title');
            if (!title) continue;
            mark.dataset.tip = title.textContent;
            title.remove();
          }
          if (!marks.length) continue;
          const label = plot.getAttribute('aria-label');
          plot.setAttribute('aria-label', `${label}: ${count(marks.length, 'mark')}, told by the arrow keys`);
          plot.setAttribute('tabindex', '0');
          // A circle may be missed by a finger, a cell may not.
          const under = (event) => {
            let [best, least] = [null, 24];
            for (const mark of marks) {
              const box = mark.getBoundingClientRect();
              const far = (low, high, at) => Math.max(low - at, at - high, 0);
              const distance = Math.hypot(far(box.left, box.right, event.clientX), far(box.top, box.bottom, event.clientY));
              if (distance < least) [best, least] = [mark, distance];
            }
            return best;
          };
          const follow = (event) => { const mark = under(event); mark ? show(mark) : hide(); };
          plot.addEventListener('pointermove', follow);
          plot.addEventListener('pointerdown', follow);
          plot.addEventListener('pointerleave', hide);
          plot.addEventListener('blur', hide);
          plot.addEventListener('keydown', (event) => {
            const at = marks.indexOf(marked), last = marks.length - 1;
            const next = {
              ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at < 0 ? last : at - 1, ArrowUp: at < 0 ? last : at - 1, Home: 0, End: last,
            }[event.key];
            if (event.key === 'Escape') hide();
            if (next === undefined) return;
            event.preventDefault();
            show(marks[Math.min(Math.max(next, 0), last)]);
          });
        }

        // Paper shows everything.
        let closed = [];
        addEventListener('beforeprint', () => { closed = all('details:not([open])'); for (const part of closed) part.open = true; });
        addEventListener('afterprint', () => { for (const part of closed) part.open = false; });
        }
        """#
}
