/** The bundler takes style sheets in by their side effect alone. */
declare module '*.css';
