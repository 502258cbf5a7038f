// Known events, posted once for all tests of a stack.

import assert from "node:assert/strict";

import { API, ask, until } from "./browser.mjs";

/** Names that a page must show as they are, and not act on. */
export const HOSTILE = ["<img src=x onerror=document.title='hacked'>", "a\u202Egpj.exe", "עגלה/ab"];
export const HOSTILE_PATH = "/<script>document.title='hacked'</script>";

const MINUTE = 60_000;

function events(now) {
    const made = [];
    // All of them, or as many as the day has had minutes: right after midnight they are dense.
    const span = Math.min(300, Math.floor((now % (1_440 * MINUTE)) / MINUTE) + 1);
    let customer = 0;
    const add = (minutesAgo, event_type, more) => {
        customer += 1;
        const timestamp = new Date(now - minutesAgo * MINUTE).toISOString();
        const event_id = `e-${customer}`;
        made.push({
            event_type,
            timestamp,
            event_id,
            site_id: "shop",
            customer_id: `c-${customer % 40}`,
            ...more,
        });
    };
    // In the current hour as well as in earlier ones, and on the day before.
    for (const [item_id, views] of [
        ["sku-1", 60],
        ["sku-2", 35],
        [23, 20],
        ...HOSTILE.map((id) => [id, 5]),
    ]) {
        for (let view = 0; view < views; view += 1) {
            add((view * 7) % span, "page_visit", { item_id });
            if (view % 2 === 0) add(1_440 + ((view * 7) % span), "page_visit", { item_id });
            if (view % 5 === 0) add((view * 7) % span, "add_to_cart", { item_id });
        }
    }
    for (let view = 0; view < 30; view += 1) {
        add((view % 25) % span, "page_view", { path: view % 3 === 0 ? HOSTILE_PATH : "/pricing" });
    }
    for (let order = 1; order <= 12; order += 1) {
        add((order * 17) % span, "purchase", {
            item_id: order % 2 === 0 ? "sku-1" : "sku-2",
            price: `${order}9.99`,
            quantity: 1 + (order % 3),
            order_id: `o-${order}`,
        });
    }
    add(0, "refund", { order_id: "o-2", item_id: "sku-1", price: "10.00" });
    return made;
}

/** Posts the events unless the stack has them, and waits until all are counted. */
export async function post() {
    const { sites } = await ask("sites?site_id=shop");
    const path = "items/sku-1?site_id=shop&window=400d";
    const now = Date.now();
    const all = events(now);
    const views = all.filter(
        (event) => event.event_type === "page_visit" && event.item_id === "sku-1",
    );
    if (sites.length === 0) {
        const body = all.map((event) => JSON.stringify(event)).join("\n");
        const headers = { "Content-Type": "application/x-ndjson" };
        const response = await fetch(new URL("events", API), { method: "POST", headers, body });
        assert.equal(response.status, 202);
        const { rejected } = await response.json();
        assert.deepEqual(rejected, []);
    }
    await until(path, (item) => item.views === views.length, "the events are counted");
}
