/* Proposes reference data while a mapping is typed. Without it the input is a plain text input. */
"use strict";

(function () {
    function context(input) {
        const form = input.form;
        const value = (name) => input.dataset[name] || (form.elements[name] ? form.elements[name].value : "");
        return { integration: value("integration"), table: value("table") };
    }

    function attach(input) {
        const list = document.createElement("datalist");
        let timer = 0;
        let asked = "";
        list.id = input.id + "-suggestions";
        input.setAttribute("list", list.id);
        input.after(list);

        async function ask() {
            const query = new URLSearchParams({ ...context(input), column: input.dataset.column, q: input.value });
            if (query.toString() === asked) {
                return;
            }
            asked = query.toString();
            const response = await fetch(input.dataset.suggest + "?" + query, { headers: { Accept: "application/json" } });
            if (!response.ok || query.toString() !== asked) {
                return;
            }
            const { results } = await response.json();
            list.replaceChildren(...results.map(({ value, label }) => {
                const option = document.createElement("option");
                option.value = value;
                option.label = label || value;
                return option;
            }));
        }

        input.addEventListener("focus", ask);
        input.addEventListener("input", () => {
            clearTimeout(timer);
            timer = setTimeout(ask, 150);
        });
    }

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("input[data-suggest]").forEach(attach);
    });
})();
