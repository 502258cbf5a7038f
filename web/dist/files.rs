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
        path: "/assets/index-BM5-O4Y8.js",
        content_type: "text/javascript; charset=utf-8",
        tag: "b6b690d99ff8b15e",
        bytes: include_bytes!("assets/index-BM5-O4Y8.js"),
        brotli: include_bytes!("assets/index-BM5-O4Y8.js.br"),
    },
    File {
        path: "/assets/index-CMXsxIz8.css",
        content_type: "text/css; charset=utf-8",
        tag: "ff45a11f5c255302",
        bytes: include_bytes!("assets/index-CMXsxIz8.css"),
        brotli: include_bytes!("assets/index-CMXsxIz8.css.br"),
    },
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        tag: "9941a7961331ff5e",
        bytes: include_bytes!("index.html"),
        brotli: include_bytes!("index.html.br"),
    },
]
