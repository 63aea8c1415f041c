/** Style sheets are the bundler's to import. */
declare module '*.css';
