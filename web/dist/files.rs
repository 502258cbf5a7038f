// Written by `npm run build` in web. Do not edit.
&[
    File {
        path: "/assets/icon-BHxBnfw4.svg",
        content_type: "image/svg+xml",
        tag: "934e9132896a693d",
        bytes: include_bytes!("assets/icon-BHxBnfw4.svg"),
        brotli: include_bytes!("assets/icon-BHxBnfw4.svg.br"),
    },
    File {
        path: "/assets/index-BQoRIkBx.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "7f7336e4b9bb7429",
        bytes: include_bytes!("assets/index-BQoRIkBx.js"),
        brotli: include_bytes!("assets/index-BQoRIkBx.js.br"),
    },
    File {
        path: "/assets/index-DTJMTY4P.css",
        content_type: "text/css; charset=utf-8",
        tag: "7ea8222ddade4b92",
        bytes: include_bytes!("assets/index-DTJMTY4P.css"),
        brotli: include_bytes!("assets/index-DTJMTY4P.css.br"),
    },
    File {
        path: "/assets/licences-10_HjLcv.txt",
        content_type: "text/plain; charset=utf-8",
        tag: "e4f3b2873da58eda",
        bytes: include_bytes!("assets/licences-10_HjLcv.txt"),
        brotli: include_bytes!("assets/licences-10_HjLcv.txt.br"),
    },
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        tag: "e6f64b13ad13db5f",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
