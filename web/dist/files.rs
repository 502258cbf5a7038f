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
        path: "/assets/index-BzDxrwsx.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "60ad1008c912f241",
        bytes: include_bytes!("assets/index-BzDxrwsx.js"),
        brotli: include_bytes!("assets/index-BzDxrwsx.js.br"),
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
        tag: "f3624b12a1da4279",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
