// The trajectory view. A page has each trajectory as coloured spans, one a token, and after them its numbers as JSON
// (trajectory_view.c writes them). Here the spans become a list that pointer and keyboard move through, followed by a
// dock: the loss curve, what is known of the current token, and switches for answer and layer.
// Texts enter the page as textContent or attribute values only, never as markup.
'use strict';
(() => {

function make(parent, tag, name, text) {
    const e = document.createElement(tag);
    if (name) e.className = name;
    if (text !== undefined) e.textContent = text;
    parent.append(e);
    return e;
}

function number(v, digits) {
    const small = v !== 0 && Math.abs(v) < 1e-3, text = small ? v.toExponential(digits - 1) : v.toPrecision(digits);
    return (small ? text.replace(/\.?0*e/, 'e') : String(Number(text))).replace(/-/g, '\u2212');
}

// A value or a dash; and null, which hides the field, where there is no array.
function entry(array, k, digits) {
    if (!array) return null;
    return array[k] === null ? '\u2013' : typeof array[k] === 'string' ? array[k] : number(array[k], digits);
}

function level(delta) { // as raml_colour_level
    const n = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].filter(step => Math.abs(delta) >= step).length;
    return delta < 0 ? -n : n;
}

// What the panel shows of token k: [label, explanation, text]; c: the curve that is shown.
function fields(d, c, at, k) {
    const delta = c.L[k + 1] - c.L[k], from = at[k] + 1, to = at[k + 1], n = d.answers[c.answer || 0].A;
    return [
        ['i', 'position in the trajectory', from === to ? String(to) : from + '\u2013' + to],
        ['L, nats', 'loss of the answer after the token, per answer token', number(c.L[k + 1], 4)],
        ['\u0394L, nats', 'what the token did to L', (delta > 0 ? '+' : '') + number(delta, 3)],
        ['p', 'probability of the whole answer, exp(\u2212A\u00b7L)', n ? number(Math.exp(-n * c.L[k + 1]), 3) : null],
        ['greedy', 'greedy decoding gives this answer', c.greedy ? (c.greedy[k + 1] === '1' ? 'yes' : 'no') : null],
        ['share', 'this answer\u2019s share of the answers\u2019 probability', entry(c.p, k + 1, 3)],
        ['share, mean', 'the same, by mean log-probability per answer token', entry(c.p_mean, k + 1, 3)],
        ['commitment', '1 \u2212 entropy of the shares, relative to its maximum', entry(d.commitment, k + 1, 3)],
        ['role', 'what kind of token it is', d.role ? d.roles[d.role[k]] || '\u2013' : null],
        ['entropy, nats', 'of the distribution that the token is from', entry(d.entropy, k, 3)],
        ['log p, nats', 'log-probability of the token', entry(d.logp, k, 3)],
        ['update', 'size of the implicit update, |\u0394M| / |M| of all matrices that it changes', entry(d.update, k + 1, 3)],
    ];
}

// Buttons are too many for a phone: one <select> a switch.
function add_switch(parent, label, names, choose) {
    const select = make(make(parent, 'label', '', label + ' '), 'select');
    for (const name of names) make(select, 'option', '', name);
    select.addEventListener('change', () => choose(select.selectedIndex));
    return select;
}

function answer_name(a, k) {
    const name = a.name || (k ? 'answer ' + (k + 1) : 'traced'), text = a.text || '';
    return text ? name + ': ' + (text.length > 24 ? text.slice(0, 24) + '\u2026' : text) : name;
}

function layer_name(after) {
    return after === 0 ? 'the embedding' : after === 1 ? '1 layer' : after + ' layers';
}

// One letter for each pair of kind and name, in the order in which they come.
const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ'; // without those that look like 1, l or 0
function name_marks(marks) {
    const names = [];
    for (const m of marks) {
        m.sign = names.find(s => s.kind === m.kind && s.name === m.name);
        if (!m.sign) names.push(m.sign = {kind: m.kind, name: m.name, letter: LETTERS[names.length] || '\u2022'});
    }
    return names;
}

function direction(m) { // of a fork's effect
    return m.kind !== 'fork' || !m.value ? '' : m.value < 0 ? '\u25bc' : '\u25b2';
}

function signed(v) {
    return (v > 0 ? '+' : '') + number(v, 3);
}

function in_words(m) {
    const value = m.value === undefined ? '' : ' ' + (m.kind === 'fork' ? signed(m.value) : number(m.value, 3));
    return m.sign.letter + ' ' + m.kind + ' \u201c' + m.name + '\u201d' + value + (m.text ? ': ' + m.text : '');
}

// A sign a place, with the letters of its marks.
function add_sign(parent, kind, text) {
    return make(parent, 'b', 'sign' + (/^(exit|fork)$/.test(kind) ? ' ' + kind : ''), text);
}

// Marks of one kind under the curve: letters, those that would overlap joined; effects of forks as bars.
function add_lane(dock, before, kind, marks, end) {
    const lane = make(dock, 'div', 'lane' + (kind === 'fork' ? ' fork' : ''));
    before.before(lane);
    make(lane, 'span', '', kind);
    const x = m => 100 * m.at / end, largest = Math.max(...marks.map(m => Math.abs(m.value || 0))) || 1;
    if (kind === 'fork') {
        const signs = [...new Set(marks.map(m => m.sign))];
        for (const m of marks) {
            const bar = make(lane, 'b'), height = Math.max(4, 50 * Math.abs(m.value || 0) / largest);
            bar.title = in_words(m);
            bar.style.left = 'calc(' + x(m) + '% + ' + 3 * (signs.indexOf(m.sign) - (signs.length - 1) / 2) + 'px)';
            bar.style.height = height + '%';
            bar.style.top = (m.value > 0 ? 50 - height : 50) + '%';
        }
        return lane;
    }
    let group = null;
    for (const m of [...marks].sort((a, b) => a.at - b.at)) {
        if (!group || x(m) - group.from > 2.8 * group.marks.length) group = {from: x(m), marks: [], e: make(lane, 'b')};
        group.marks.push(m);
        group.e.textContent = group.marks.map(m => m.sign.letter).join('');
        group.e.title = group.marks.map(in_words).join('\n');
        group.e.style.left = group.from + '%';
        group.e.style.transform = 'translateX(' + (group.from < 4 ? 0 : group.from > 90 ? -100 : -50) + '%)';
    }
    return lane;
}

function view(data, number_of_view) {
    const d = JSON.parse(data.textContent), list = data.previousElementSibling;
    const token = [...list.children].filter(e => e.tagName === 'SPAN'), place = new Map(token.map((e, k) => [e, k]));
    const at = d.at || d.answers[0].L.map((_, i) => i), n = token.length;
    const layers = (d.layers ? d.layers.layer.map((after, k) => ({after, L: d.layers.L[k]})) : [])
        .filter(l => l.L.some((v, i) => v !== d.answers[0].L[i])); // the last one's curve is the answer's own
    d.answers.forEach((a, k) => a.answer = k);
    let answer = 0, layer = -1, now = 0;
    const points_to = i => Math.max(0, at.findIndex(v => v >= i)); // L's first value at or after i
    const marks = (d.marks || []).map(m => ({...m, point: points_to(m.at)})), names = name_marks(marks);
    const kinds = [...new Set(names.map(s => s.kind))];
    const shown = () => layer < 0 ? d.answers[answer] : layers[layer];

    const legend = names.length > 0 && make(list.parentNode, 'p', 'signs', 'Signs, each after its token. ');
    const dock = make(list.parentNode, 'div', 'dock'), switches = make(dock, 'div', 'switches');
    const choose_answer = d.answers.length > 1 && add_switch(switches, 'answer', d.answers.map(answer_name), k => {
        answer = k;
        layer = -1;
        repaint();
    });
    const choose_layer = layers.length > 0 && add_switch(switches, 'read after',
        ['the last layer', ...layers.map(l => layer_name(l.after))], k => {
        layer = k - 1;
        if (k) answer = 0; // only the traced answer was read within
        repaint();
    });
    if (names.length > 1) add_switch(switches, 'signs', ['all', 'none', ...names.map(s => s.kind + ' ' + s.name)], k => {
        show_marks(k === 0 ? marks : k === 1 ? [] : marks.filter(m => m.sign === names[k - 2]));
    });
    const chart = make(dock, 'div', 'chart');
    const high = make(chart, 'span', 'high'), low = make(chart, 'span', 'low'), plot = make(chart, 'div', 'plot');
    plot.innerHTML = '<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img"></svg>';
    const svg = plot.firstChild, line = make(plot, 'b', 'cursor'), dot = make(plot, 'b', 'dot');
    const panel = make(dock, 'div', 'panel'), row = make(panel, 'div', 'row'), values = make(panel, 'dl');
    const here = make(panel, 'p', 'here');
    const text = make(row, 'p', 'token'), key = make(row, 'span', 'key');
    key.setAttribute('aria-hidden', 'true');
    const cell = fields(d, shown(), at, 0).map(([label, explanation]) => {
        const e = make(values, 'div');
        e.title = explanation;
        make(e, 'dt', '', label);
        return {e, dd: make(e, 'dd')};
    });
    svg.classList.toggle('dense', n > 400);
    panel.id = 'token-panel-' + number_of_view;

    let visible = marks;
    function tell_here() {
        const these = visible.filter(m => m.point === now + 1 || (now === 0 && m.point === 0));
        here.hidden = these.length === 0;
        here.textContent = '';
        for (const m of these) make(here, 'span', '', in_words(m));
    }
    function show_marks(some) {
        visible = some;
        for (const e of [...list.querySelectorAll('.sign'), ...dock.querySelectorAll('.lane, .tick')]) e.remove();
        for (const kind of kinds) {
            const of_kind = some.filter(m => m.kind === kind), points = new Map();
            for (const m of of_kind) points.set(m.point, [...(points.get(m.point) || []), m]);
            for (const [point, at_point] of points) {
                const sign = add_sign(list, kind, at_point.map(m => m.sign.letter + direction(m)).join(' '));
                if (point) token[point - 1].after(sign);
                else list.prepend(sign);
                sign.title = at_point.map(in_words).join('\n');
                sign.setAttribute('aria-hidden', 'true'); // the panel says it
                place.set(sign, Math.max(0, point - 1));
                if (kind !== 'fork') make(plot, 'b', 'tick').style.left = 100 * at_point[0].at / at[n] + '%';
            }
            if (of_kind.length) add_lane(dock, panel, kind, of_kind, at[n]);
        }
        tell_here();
    }

    let top = 1, bottom = 0; // of the plot, in nats
    const height = L => 1000 * (top - L) / (top - bottom || 1);
    function draw() {
        const beside = layer < 0 ? d.answers : [d.answers[0], ...layers], c = shown();
        top = bottom = 0;
        for (const other of beside)
            for (const L of other.L) {
                top = Math.max(top, L);
                bottom = Math.min(bottom, L);
            }
        key.textContent = beside.length < 2 ? '' : layer < 0 ? 'faint: the other answers' : 'faint: the other layers';
        svg.textContent = '';
        for (const other of [...beside.filter(o => o !== c), c]) { // the one that is read lies on top
            svg.insertAdjacentHTML('beforeend', '<polyline vector-effect="non-scaling-stroke"></polyline>');
            const points = other.L.map((L, i) => (1000 * at[i] / at[n]).toFixed(1) + ',' + height(L).toFixed(1));
            svg.lastChild.setAttribute('points', points.join(' '));
            if (other !== c) svg.lastChild.setAttribute('class', 'beside');
        }
        high.textContent = number(top, 3);
        low.textContent = number(bottom, 3);
        svg.setAttribute('aria-label', 'L over i: ' + number(c.L[0], 3) + ' at 0, ' + number(c.L[n], 3) + ' at ' + at[n]);
    }

    function show(k) {
        const c = shown();
        token[now].classList.remove('now');
        token[now].tabIndex = -1;
        token[now].setAttribute('aria-selected', 'false');
        token[now].removeAttribute('aria-describedby');
        now = k;
        token[k].classList.add('now');
        token[k].tabIndex = 0;
        token[k].setAttribute('aria-selected', 'true');
        token[k].setAttribute('aria-describedby', panel.id);
        text.textContent = '\u201c' + d.text[k] + '\u201d';
        fields(d, c, at, k).forEach(([, , value], f) => {
            cell[f].e.hidden = value === null;
            cell[f].dd.textContent = value === null ? '' : value;
        });
        tell_here();
        line.style.left = dot.style.left = 100 * at[k + 1] / at[n] + '%';
        dot.style.top = height(c.L[k + 1]) / 10 + '%';
    }

    function repaint() {
        const c = shown();
        token.forEach((e, k) => {
            const step = level(c.L[k + 1] - c.L[k]);
            e.className = step < 0 ? 'n' + -step : step > 0 ? 'p' + step : '';
            if (c.greedy && c.greedy[k + 1] === '1') e.classList.add('g');
        });
        if (choose_answer) choose_answer.selectedIndex = answer;
        if (choose_layer) choose_layer.selectedIndex = layer + 1;
        draw();
        show(now);
    }

    // The token of the line above (-1) or below (1) that lies nearest; k itself where there is none.
    function neighbour(k, direction) {
        const box = e => e.getClientRects()[0] || e.getBoundingClientRect();
        const from = box(token[k]), middle = r => r.left + r.width / 2;
        let best = k, distance = Infinity, row = null;
        for (let j = k + direction; token[j]; j += direction) {
            const r = box(token[j]), away = direction * (r.top - (row || from).top) > from.height / 2;
            if (row ? away : !away) {
                if (row) break;
                continue;
            }
            row = row || r;
            if (Math.abs(middle(r) - middle(from)) < distance) {
                distance = Math.abs(middle(r) - middle(from));
                best = j;
            }
        }
        return best;
    }

    const moves = {
        ArrowLeft: k => Math.max(0, k - 1), ArrowRight: k => Math.min(n - 1, k + 1), Home: () => 0, End: () => n - 1,
        ArrowUp: k => neighbour(k, -1), ArrowDown: k => neighbour(k, 1),
    };
    list.addEventListener('keydown', event => {
        if (!moves[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
        const k = moves[event.key](now);
        if (k === now && /Up|Down/.test(event.key)) return; // at the edge they scroll the page
        event.preventDefault();
        show(k);
        token[k].focus();
    });
    const pointed = event => place.get(event.target.closest('.trajectory>span, .trajectory>.sign'));
    list.addEventListener('pointerover', event => pointed(event) !== undefined && show(pointed(event)));
    list.addEventListener('focusin', event => pointed(event) !== undefined && show(pointed(event)));
    const slide = event => {
        const r = plot.getBoundingClientRect(), i = at[n] * (event.clientX - r.left) / r.width;
        let k = 0;
        while (k < n - 1 && Math.abs(at[k + 2] - i) < Math.abs(at[k + 1] - i)) k++;
        show(k);
    };
    plot.addEventListener('pointermove', slide);
    plot.addEventListener('pointerdown', slide);
    plot.addEventListener('click', () => token[now].scrollIntoView({block: 'nearest'}));

    list.setAttribute('role', 'listbox');
    list.setAttribute('aria-orientation', 'horizontal');
    list.setAttribute('aria-label', 'trajectory, ' + n + ' tokens');
    token.forEach((e, k) => {
        e.removeAttribute('title'); // the panel says it
        e.tabIndex = -1;
        e.setAttribute('role', 'option');
        e.setAttribute('aria-label', d.text[k]);
    });
    // Under a long text the dock stays in sight at the window's bottom; under a short one it would hide it.
    new ResizeObserver(() => dock.classList.toggle('stays', list.offsetHeight > innerHeight / 2)).observe(list);
    for (const kind of kinds) {
        make(legend, 'i', '', kind);
        for (const sign of names.filter(s => s.kind === kind)) {
            const entry = make(legend, 'span');
            add_sign(entry, kind, sign.letter);
            entry.append(sign.name);
        }
        if (kind === 'fork') legend.append('\u25b2\u25bc direction of the effect; bars under the curve: its size. ');
    }
    repaint();
    show_marks(marks);
}

document.querySelectorAll('script.trajectory-data').forEach(view);
for (const e of document.querySelectorAll('.scale .keys')) e.hidden = false;
})();
